"""A project on disk: a folder that says which photos it is about, and remembers networks and what people said.

shop.project/
├── project.json      where the photos are, the classes; written once, and again where the photos moved
├── models.json       the networks of this project, and which is in use
├── models/           bundles that were learnt here, a report beside each
├── decisions.sqlite  what people said; only added to
├── looks/            what networks say of the photos; may be deleted
└── thumbnails/       small pictures; may be deleted
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from modiste.data.layouts.sources import Source, source_at
from modiste.data.opening.hashed import content_hash
from modiste.data.taxonomy import read_taxonomy
from modiste.projects.looked import hashes_before
from modiste.records.errors import ModisteError, UsageError
from modiste.records.labels import Classes
from modiste.records.lock import locked
from modiste.records.own import refuse_inside
from modiste.records.plain import from_plain, to_plain
from modiste.records.seal import read_sealed, write_sealed
from modiste.serving.bundle import Bundle, read_bundle
from modiste.serving.labeller import Labeller, bundled, labeller_of

VERSION = 1
COMPARED, ALIKE = 200, 0.9  # photos that are compared before a project follows them, and the share that must be the same
ABOUT, MODELS, DECISIONS, ENDING = "project.json", "models.json", "decisions.sqlite", ".project"
OURS = (ABOUT, MODELS, DECISIONS, "models", "looks", "thumbnails", "exports", ".lock")
ABOUT_AGAIN = "Restore it from a copy, or delete it and start the project anew with the same photos: what people said is kept beside it."
MODELS_AGAIN = "Delete it to go on with the network that the project began with: what people said is kept beside it."


@dataclass(frozen=True)
class About:
    """What a project is about."""

    source: str  # as a full path
    classes: tuple[str, ...]
    format: str | None = None
    model: str | None = None  # the bundle it began with; None: modiste's own
    made: str = ""  # when, UTC
    earlier: tuple[str, ...] = ()  # where its photos were before, the last one last: it may always go back


@dataclass(frozen=True)
class Model:
    """A network of the project: the one it began with is number 0, those that were learnt here follow."""

    number: int
    id: str
    file: str | None = None  # under the project's folder; None: the one it began with
    made: str = ""
    labels: int = 0  # that it was learnt from
    verdict: str = ""
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Models:
    """All networks of a project, and the number of the one in use."""

    in_use: int
    models: tuple[Model, ...]
    tried: int = 0  # labels that there were at the last training, whatever came of it; those of the honest sample left out

    def __getitem__(self, number: int) -> Model:
        for one in self.models:
            if one.number == number:
                return one
        raise UsageError(f"this project has no network number {number}. It has: {', '.join(str(one.number) for one in self.models)}.")

    def with_model(self, model: Model) -> Models:
        return replace(self, models=(*self.models, model))


@dataclass(frozen=True, eq=False)
class Project:
    """An open project: nobody else works on it."""

    folder: Path
    about: About

    @property
    def name(self) -> str:
        return self.folder.name.removesuffix(ENDING)

    @property
    def classes(self) -> Classes:
        return Classes(self.about.classes)

    def source(self) -> Source:
        """The photos as they are now, without folders that the system refuses to list."""
        if not Path(self.about.source).exists():
            raise ModisteError(
                f"{self.about.source} is not there any more, and {self.folder} is a project of its photos. Bring it back, or say where "
                f"they are now: modiste app {self.folder} --photos FOLDER"
            )
        return source_at(Path(self.about.source), self.about.format, read_taxonomy(None), lenient=True)

    def models(self) -> Models:
        """Its networks; the file that it began with may be another by now, and is called what it is."""
        first = self.bundle(Model(0, "")).id
        if not (self.folder / MODELS).is_file():
            return Models(0, (Model(0, first),))
        said = read_sealed(self.folder / MODELS, MODELS_AGAIN)
        where = str(self.folder / MODELS)
        known = [from_plain(Model, one, where) for one in said["models"]]
        now = tuple(replace(one, id=first) if one.file is None else one for one in known)
        return Models(int(said["in_use"]), now, int(said.get("tried", 0)))

    def write_models(self, models: Models) -> Models:
        write_sealed(self.folder / MODELS, {"version": VERSION, **to_plain(models)})
        return models

    def bundle(self, model: Model) -> Bundle:
        """The file of a network."""
        if model.file is not None:
            return read_bundle(self.folder / model.file)
        return bundled() if self.about.model is None else read_bundle(Path(self.about.model))

    def labeller(self, model: Model) -> Labeller:
        """A network that answers, on one thread: photos are asked about side by side."""
        bundle = self.bundle(model)
        return labeller_of(bundle, bundle.id, 1)


@contextmanager
def opened(folder: Path) -> Iterator[Project]:
    """The project in a folder, ours alone while the block runs."""
    with locked(folder / ".lock", f"the project {folder}"):
        yield Project(folder, about_in(folder))


def about_in(folder: Path) -> About:
    """What a project is about; its photos may not be there any more."""
    said = read_sealed(folder / ABOUT, ABOUT_AGAIN)
    if said.pop("version", None) != VERSION:
        raise ModisteError(f"{folder / ABOUT} was written by another version of modiste. Open it with that one.")
    return from_plain(About, said, str(folder / ABOUT))


def is_project(folder: Path) -> bool:
    return (folder / ABOUT).is_file()


def project_at(
    place: Path,
    *,
    photos: Path | None = None,
    model: Path | None = None,
    classes: Classes | None = None,
    format: str | None = None,  # noqa: A002  (the word users know)
) -> Path:
    """The folder of the project at a place, made where there is none: the place is a project, or photos to begin one with.

    Photos' own project stands beside them: photos.project beside photos. `model`, `classes` and `format` belong to a project that begins;
    where it stands already they must be what it began with. Its photos may have moved: a project follows them, where they are the same.
    """
    full = place.expanduser().resolve()
    folder = full if photos is not None or is_project(full) else beside(full)
    source = full if photos is None else photos.expanduser().resolve()
    wanted = {"model": model and str(model.expanduser().resolve()), "classes": classes and classes.names, "format": format}
    if is_project(folder):
        about = about_in(folder)
        refuse_other(folder, about, wanted)
        if (photos is not None or folder != full) and str(source) != about.source:
            follow(folder, about, source, asked=photos is not None)
        return folder
    check(folder, source)
    source_at(source, format, read_taxonomy(None), lenient=True)  # says what is wrong with it
    first = bundled() if wanted["model"] is None else read_bundle(Path(str(wanted["model"])))  # says what is wrong with it
    own = first.card.classes if classes is None else classes
    about = About(
        str(source), own.names, format, None if model is None else str(wanted["model"]), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    )
    write_sealed(folder / ABOUT, {"version": VERSION, **to_plain(about)})
    return folder


def beside(source: Path) -> Path:
    """Where the project of some photos stands."""
    if not source.name:
        raise UsageError(f"{source} has no name that a project could be called by. Give a folder for it, and the photos with --photos.")
    return source.with_name(f"{source.name}{ENDING}")


def refuse_other(folder: Path, about: About, wanted: Mapping[str, object]) -> None:
    """A project's network and classes are those that it began with: what is said beside it would be ignored."""
    for name, value in wanted.items():
        stands = getattr(about, name)
        if value is not None and value != stands:
            option = f"--{name}"
            raise UsageError(
                f"{folder} is a project with {option} {shown(stands)}, not {shown(value)}. Leave {option} out, or begin another project."
            )


def follow(folder: Path, about: About, source: Path, *, asked: bool) -> None:
    """Have a project be of the photos at another place: they are the same there, or it `asked` for a place where they were before."""
    check_photos(folder, source)
    found = source_at(source, about.format, read_taxonomy(None), lenient=True)
    if not (asked and str(source) in about.earlier):
        check_same(folder, about, found, source, asked=asked)
    earlier = (*(place for place in about.earlier if place != str(source)), about.source)
    with locked(folder / ".lock", f"the project {folder}"):
        write_sealed(folder / ABOUT, {"version": VERSION, **to_plain(replace(about, source=str(source), earlier=earlier))})


def check_same(folder: Path, about: About, found: Source, source: Path, *, asked: bool) -> None:
    """Refuse photos that are not those of a project, by their bytes; where its own are gone, photos that nobody `asked` for, too."""
    gone = not Path(about.source).exists()
    if gone and not asked:
        raise UsageError(
            f"{folder} is a project of the photos at {about.source}, which is not there now. Bring it back; or, where they are {source} "
            f"now, say so: modiste app {folder} --photos {source}"
        )
    known = hashes_before(folder / "looks")
    hashed = {path: sha for path, sha in known.items() if any(sha)}
    wanted = hashed or known
    here = [said.path for said in found.photos() if said.path in wanted]
    compared = here[:COMPARED] if hashed else []
    same = sum(content_hash(found.root, path) == hashed[path] for path in compared)
    if same > ALIKE * len(compared):
        return
    if not gone:
        raise UsageError(
            f"{folder} is a project with --photos {about.source}, not {source}. Leave --photos out, or begin another project. A project "
            "follows its photos to a place where they are the same."
        )
    if wanted and not here:
        raise UsageError(
            f"--photos {source}: none of the {len(wanted):,} photos of {folder} is there, such as '{next(iter(wanted))}'. "
            "Name the folder from which their paths go on as they did."
        )
    if compared:
        raise UsageError(
            f"--photos {source}: of {len(compared):,} photos that are called as those of {folder}, {same:,} are the same. Name the folder "
            f"where the photos of {about.source} are now, or begin another project."
        )


def shown(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value or "left out")


def check(folder: Path, source: Path) -> None:
    """Refuse a place that is not for a project."""
    check_photos(folder, source)
    if folder.exists() and (not folder.is_dir() or any(not one.name.startswith(OURS) for one in folder.iterdir())):
        raise ModisteError(f"{folder} is there already, and is no project. Move it away, or give another place.")


def check_photos(folder: Path, source: Path) -> None:
    """Refuse photos that are not there, or around their own project."""
    if not source.exists():
        raise ModisteError(f"{source} is not there. Name a folder of photos, an archive, a table that names photos, or a project.")
    if source.is_dir():
        refuse_inside(folder, source)


__all__ = ["About", "Model", "Models", "Project", "is_project", "opened", "project_at"]
