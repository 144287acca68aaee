"""The command that finds photos that look alike."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from modiste.cli.label import labeller_of, listening
from modiste.cli.words import DATA, OUTPUT, Format, Json, names_a_folder, show
from modiste.records.errors import ModisteError, UsageError, unknown
from modiste.records.own import refuse_inside

if TYPE_CHECKING:
    from modiste.data.layouts.sources import Source
    from modiste.records.progress import Tell
    from modiste.searching.index import Index
    from modiste.searching.pages import Found

USUALLY = 12  # photos that are found


def search(
    photo: Annotated[tuple[str, ...], Parameter(group=DATA, help="What to look for: files, or paths inside the source.")] = (),
    /,
    *,
    in_: Annotated[
        Path,
        Parameter(name="--in", group=DATA, help="Where to look: a folder, a .zip or .tar, a table of paths, any catalogue."),
    ],
    k: Annotated[int | None, Parameter(name=("--count", "-k"), group=OUTPUT, help="Photos to find for each: 12.")] = None,
    label: Annotated[str | None, Parameter(group=DATA, help="Find photos alone that the network calls so: --label Shoes.")] = None,
    model: Annotated[
        Path | None,
        Parameter(group=DATA, help="A bundle, or a run's folder; without it, modiste's own. Another one builds the index anew."),
    ] = None,
    output: Annotated[
        Path | None,
        Parameter(
            name=("--output", "-o"), group=OUTPUT, validator=names_a_folder, help="The folder of the index; SOURCE.index when left away."
        ),
    ] = None,
    as_it_is: Annotated[
        bool, Parameter(negative="", group=OUTPUT, help="Take the index as it stands: look at no photo of the source, for large ones.")
    ] = False,
    report: Annotated[Path | None, Parameter(group=OUTPUT, help="Write a page with the photos and what was found.")] = None,
    evaluate: Annotated[
        bool, Parameter(negative="", group=OUTPUT, help="Say how good the search is, on photos whose kind the source tells.")
    ] = False,
    by: Annotated[str | None, Parameter(group=DATA, help="The column that tells it, with --evaluate: --by article_type.")] = None,
    only: Annotated[
        tuple[str, ...], Parameter(negative="", group=DATA, help="Take these photos alone, with --evaluate: --only split=test,extra.")
    ] = (),
    format: Format = None,
    json: Json = False,
) -> None:
    """Find the photos of a source that look most like a photo; copies of one stand under one result.

    The first time, each photo of the source is looked at and an index is written; later, those alone whose bytes are new. Without a photo
    the index is brought up to date and nothing else. A stopped command goes on when it is given again.
    """
    refuse(photo, k, by, only, evaluate, label, report)
    from modiste.data.layouts.sources import source_at
    from modiste.searching.index import index

    if report is not None:
        from modiste.searching.pages import check_page

        check_page(report)
        if in_.is_dir():
            refuse_inside(report, in_, "--report")
    source = source_at(in_, format, lenient=True)
    refuse_foreign(model)
    if not as_it_is:
        refuse_missing(photo, source)
    kinds = kinds_of(source, by or "", only) if evaluate else {}
    with listening(json) as tell:
        labeller = labeller_of(model, None, (), tell)
        if label is not None and label not in labeller.classes.names:
            raise unknown("class", label, labeller.classes.names)
        found = index(source, output, model=labeller, as_it_is=as_it_is, tell=tell)
        if evaluate:
            return tell_quality(found, kinds, by or "", json, tell)
        if not photo:
            return tell_index(found, {"-o": output, "--model": model, "--format": format}, json)
        return tell_found(found, photo, USUALLY if k is None else k, label, report, in_, json, tell)


def refuse(
    photos: Sequence[str], k: int | None, by: str | None, only: Sequence[str], evaluate: bool, label: str | None, report: Path | None
) -> None:
    """Refuse what means nothing together, before anything is looked at."""
    if k is not None and k < 1:
        raise UsageError(f"-k {k}: must be 1 or more.")
    if evaluate and (photos or k is not None or label is not None or report is not None):
        raise UsageError("--evaluate asks for all photos of the source: leave out the photos, -k, --label and --report.")
    if evaluate and by is None:
        raise UsageError("--evaluate needs to know what is alike: name a column of the source with --by, such as --by article_type.")
    if not evaluate and (by is not None or only):
        raise UsageError("--by and --only go with --evaluate.")
    if not evaluate and not photos and (k is not None or label is not None or report is not None):
        raise UsageError("-k, --label and --report are of what was found: name a photo to look for.")


def refuse_foreign(model: Path | None) -> None:
    """A network that others made has no features to compare photos by: told before it is asked what photos are shown to it as."""
    from modiste.serving.labeller import is_bundle

    if model is not None and not (model / "recipe.json").is_file() and not is_bundle(model):
        raise UsageError(
            f"--model {model} is no bundle, and gives no features, which photos are compared by. Take one that `modiste export` made."
        )


def refuse_missing(photos: Sequence[str], source: Source) -> None:
    """Refuse a photo that is neither a file nor one of the source by its path or the end of it, before an index is made of them."""
    from modiste.data.opening.containers import is_packed
    from modiste.data.opening.refusals import PhotoRefused

    sought = {Path(photo).as_posix(): photo for photo in photos if not Path(photo).exists() and not is_packed(Path(photo))}
    ending: dict[str, set[str]] = {path: set() for path in sought}
    for said in source.photos() if sought else ():
        for path, known in ending.items():
            if f"/{said.path}".endswith(f"/{path}"):
                known.add(said.path)
    for path, known in ending.items():
        if not known:
            raise PhotoRefused(sought[path], "missing", f"here or in {source.where}")
        if path not in known and len(known) > 1:
            first, second = sorted(known)[:2]
            raise ModisteError(
                f"{sought[path]}: {len(known):,} photos of {source.where} end so, such as {first} and {second}. Name more of the path."
            )


def chosen(only: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """--only column=value,value pairs."""
    made: dict[str, tuple[str, ...]] = {}
    for pair in only:
        column, equals, values = pair.partition("=")
        if not equals or not values:
            raise UsageError(f"--only {pair}: write column=value, such as --only split=test,extra.")
        made[column.strip()] = tuple(value.strip() for value in values.split(","))
    return made


def kinds_of(source: Source, by: str, only: Sequence[str]) -> dict[str, str]:
    """The kinds of the photos, asked for before an index is made of them."""
    from modiste.searching.quality import kinds_in

    return kinds_in(source, by, chosen(only))


def tell_quality(found: Index, kinds: Mapping[str, str], by: str, json: bool, tell: Tell) -> None:
    from modiste.searching.quality import evaluate

    made = evaluate(found.stored, [kinds.get(found.stored.name(row)) for row in range(len(found))], by, tell=tell)
    show({"model": found.labeller.id, **made.plain()}, made.tables(), json, f"Network: {found.labeller.id}")


def tell_index(found: Index, given: Mapping[str, Path | str | None], json: bool) -> None:
    """What stands in the index; `given` are the options that a search in it has to have again."""
    plain = {
        "index": str(found.stored.folder),
        "model": found.labeller.id,
        "photos": len(found),
        "scored": found.scored,
        "refused": [{"photo": path, "reason": reason} for path, reason in found.refused],
        "notes": list(found.notes),
    }
    size = found.stored.vectors.nbytes / 1e6
    said = [
        f"{len(found):,} photos in {found.stored.folder}, {found.scored:,} of them looked at now; {size:,.1f} MB.",
        *refusals(found),
        *found.notes,
        " ".join(["Next: modiste search PHOTO --in SOURCE", *(f"{name} {value}" for name, value in given.items() if value is not None)]),
    ]
    show(plain, [], json, "\n".join(said))


def refusals(found: Index) -> list[str]:
    """The first photos that are not in the index, and why."""
    from modiste.data.opening.refusals import REASONS

    first = [f"  {path}: {reason}: {REASONS[reason]}" for path, reason in found.refused[:5]]
    many = len(found.refused)
    return [f"{many:,} could not be read and {'is' if many == 1 else 'are'} not in it; the first:", *first] if many else []


def tell_found(
    found: Index, photos: Sequence[str], k: int, label: str | None, report: Path | None, where: Path, json: bool, tell: Tell
) -> None:
    """The neighbours of each photo."""
    from modiste.records.table import Table
    from modiste.searching.pages import Found, write_page

    asked = [found.ask(photo) for photo in photos]  # all of them before anything is looked for
    made = [Found(one, found.near(one, k, label)) for one in asked]
    if report is not None:
        write_page(report, found, made, circumstances(found, where), tell)
    columns = ("photo", "similarity", "label", "confidence", "copies")
    tables = [
        Table(
            f"{one.asked.name}: {one.asked.label} ({one.asked.confidence:.2f})",
            columns,
            tuple((near.path, near.similarity, near.label, near.confidence, len(near.copies)) for near in one.neighbours),
            digits=3,
        )
        for one in made
    ]
    after = [*found.notes, *([f"Page: {report}"] if report else [])]
    plain = {"model": found.labeller.id, "index": str(found.stored.folder), "report": report and str(report), "found": plain_of(made)}
    show(plain, tables, json, "\n".join(after))


def plain_of(made: Sequence[Found]) -> list[dict[str, Any]]:
    return [
        {
            "photo": one.asked.name,
            "label": one.asked.label,
            "confidence": one.asked.confidence,
            "neighbours": [{**vars(near), "copies": list(near.copies)} for near in one.neighbours],
        }
        for one in made
    ]


def circumstances(found: Index, where: Path) -> dict[str, str]:
    from modiste import __version__

    return {
        "Photos": f"{where}: {len(found):,} in the index",
        "Network": found.labeller.id,
        "Command": shlex.join(["modiste", *sys.argv[1:]]),
        "Version": f"modiste {__version__}",
    }


COMMANDS: tuple[Callable[..., None], ...] = (search,)
