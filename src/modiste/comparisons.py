"""Runs compared: finished runs, and predictions of networks trained elsewhere, told apart or not; the tables and figures of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from modiste.data.layouts.placing import refuse_taken
from modiste.evaluation.compared import (
    intervals_table,
    pairs_table,
    power_table,
    ranks_table,
    seeds_table,
    verdict_in_words,
)
from modiste.evaluation.measures import measure as known_measure
from modiste.evaluation.metrics import metric
from modiste.evaluation.statistics.estimates import LEVEL, check_level
from modiste.evaluation.statistics.pairs import pairwise
from modiste.evaluation.statistics.ranks import alike, ranks
from modiste.evaluation.tables import Results, classes_of
from modiste.records.disk import write_bytes, write_json, write_text
from modiste.records.errors import ModisteError, UsageError
from modiste.records.own import refuse_inside
from modiste.records.plain import fingerprint, flat
from modiste.records.predictions import Predictions
from modiste.records.recipe import Recipe
from modiste.records.run import Run, meant, slug
from modiste.records.run import differing as not_usual
from modiste.records.table import Cell, Table

OWN = "comparison.json"


@dataclass(frozen=True)
class Comparison:
    """Networks tested on the same photos, one Predictions a seed, by a measure: in words, in tables, as plain values."""

    results: Results
    measure: str
    level: float = LEVEL
    runs: tuple[Path, ...] = ()  # folders that it was read from

    @cached_property
    def verdict(self) -> str:
        return verdict_in_words(self.results, self.measure, level=self.level)

    @cached_property
    def tables(self) -> dict[str, Table]:
        """By name: intervals; ranks, pairs and power of two networks or more; seeds where a network has several."""
        shown = tuple(dict.fromkeys((self.measure, "accuracy", "macro_f1")))
        found = {"intervals": intervals_table(self.results, shown, level=self.level)}
        if len(self.results) > 1:
            found["ranks"] = ranks_table(self.results, self.measure, level=self.level)
            found["pairs"] = pairs_table(self.results, self.measure, level=self.level)
            found["power"] = power_table(self.results, level=self.level)
        if any(len(runs) > 1 for runs in self.results.values()):
            found["seeds"] = seeds_table(self.results, self.measure)
        return found

    def plain(self) -> dict[str, Any]:
        """The comparison as plain values, for JSON; p to the last bit."""
        several = len(self.results) > 1
        pairs = pairwise(self.results, self.measure, level=self.level) if several else []
        return {
            "measure": self.measure,
            "level": self.level,
            "verdict": self.verdict,
            "seeds": {name: len(runs) for name, runs in self.results.items()},
            "pairs": [finite({**asdict(pair), "differs": pair.differs}) for pair in pairs],
            "ranks": [asdict(one) for one in ranks(self.results, self.measure, level=self.level)],
            "alike": [list(group) for group in alike(self.results, self.measure, level=self.level)],
            "tables": {name: table.plain() for name, table in self.tables.items()},
        }

    def write(self, folder: Path) -> Path:
        """Each table as markdown, CSV, LaTeX and HTML, and the figures as SVG and PNG, into a new folder, or over an earlier comparison.

        comparison.json, written first, says that the folder is one.
        """
        from modiste.evaluation.figures.ranking import RANKING
        from modiste.evaluation.figures.results import on_white, png, svg
        from modiste.evaluation.pages.tables import write_tables

        for run in self.runs:
            refuse_inside(folder, run)
        if not (folder / OWN).is_file():
            refuse_taken(folder)
        write_json(folder / OWN, self.plain())
        write_tables(self.tables, folder)
        if len(self.results) > 1:
            for name, draw in RANKING.items():
                figure = draw(self.results, self.measure, level=self.level)
                write_text(folder / f"{name}.svg", on_white(svg(figure)))
                write_bytes(folder / f"{name}.png", png(figure))
        return folder


def compare(
    runs: Sequence[Run | Path | str] | Mapping[str, Sequence[Predictions]],
    measure: str = "macro_f1",
    *,
    split: str = "test",
    level: float = LEVEL,
) -> Comparison:
    """Finished runs compared by a measure on the photos they were all tested with.

    A run is its folder, or a CSV file of predictions from elsewhere; 'NAME=PLACE' names it, and those of one name are seeds of one
    network. Runs whose recipes differ in the seed alone are seeds of one network by themselves. Results are taken as they are.
    """
    check_level(level)
    results = {name: some for name, some in runs.items() if some} if isinstance(runs, Mapping) else results_of(runs, split)
    known_measure(measure, classes_of(results))
    folders = () if isinstance(runs, Mapping) else tuple(folder_of(run) for run in runs)
    return Comparison(results, measure, level, tuple(folder for folder in folders if folder.is_dir()))


def folder_of(run: Run | Path | str) -> Path:
    """Where a run, or a file of predictions, stands."""
    return run.folder if isinstance(run, Run) else place_of(str(run))[0]


def runs_table(folder: Path | str) -> Table:
    """The runs in a folder of runs, a line each: in which settings one is not the preset `paper`, of which photos, how good, how large."""
    folder = Path(folder)
    if not folder.is_dir():
        raise ModisteError(f"{folder}: no such folder of runs. `modiste train` or `modiste study` makes one.")
    rows = [row_of(Run(path.parent)) for path in sorted(folder.glob("*/recipe.json"))]
    if not rows:
        raise ModisteError(f"{folder}: there are no runs in it. `modiste train` or `modiste study` makes them.")
    columns = ("Run", "Not as in the preset paper", "Data", "State", "Split", "Photos", "Macro F1", "Accuracy", "MB")
    lacking = sum(not str(row[3]).startswith(("finished", "cannot be read")) for row in rows)
    notes = ["Data: how the hash of the photos begins. Only what was asked of the same photos can be compared."]
    notes += [f"{lacking} of {len(rows)} not finished: the command that began one goes on with it."] if lacking else []
    return Table(f"Runs in {folder}", columns, tuple(rows), tuple(notes))


def row_of(run: Run) -> tuple[Cell, ...]:
    """A run's line; one that cannot be read is told in its state, for the others to be seen."""
    size = None
    try:
        size = size_mb(run.folder)
        plain = to_differing(run.recipe) or None
        if not run.finished:
            done = f"epoch {len(run.history())} of {run.recipe.epochs}"
            return (run.folder.name, plain, None, done, None, None, None, None, size)
        about, split = run.about, next((name for name in ("test", "validation") if name in run.splits), None)
        state = " ".join(["finished", *([about["finished_at"][:10]] if "finished_at" in about else [])])
        said = run.predictions(split) if split else None
        measured = (None,) * 3 if said is None else (len(said), metric("macro_f1", said), metric("accuracy", said))
        return (run.folder.name, plain, about.get("data", {}).get("hash", "")[:8] or None, state, split, *measured, size)
    except (ModisteError, OSError) as error:
        return (run.folder.name, None, None, f"cannot be read: {error}", None, None, None, None, size)


def size_mb(folder: Path) -> int:
    """What a folder takes; a file that goes while it is looked at counts for nothing."""
    found = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            found += path.stat().st_size if path.is_file() else 0
    return round(found / 1e6)


def to_differing(recipe: Recipe) -> str:
    """The settings that are not those of the preset `paper`; of the network what its name does not say.

    >>> to_differing(Recipe(seed=1, augment=("flip", "crop")).changed({"network.attention": "cbam", "network.after_convs": (4, 5)}))
    'augment flip + crop, network.after_convs 4 + 5'
    """
    apart = flat(not_usual(meant(recipe).plain(), Recipe().plain()))
    named = ("seed", *(f"network.{key}" for key in ("backbone", "convs", "attention", "ratio", "kernel", "frozen", "head")))
    return ", ".join(f"{key} {spelt(value)}" for key, value in sorted(apart.items()) if key not in named)


def spelt(value: object) -> str:
    """A setting as people write it.

    >>> spelt(["flip", "crop"]), spelt([]), spelt(64)
    ('flip + crop', 'none', '64')
    """
    return (" + ".join(map(str, value)) or "none") if isinstance(value, list) else str(value)


@dataclass(frozen=True)
class Given:
    """One set of predictions and what it is a seed of."""

    where: str
    predictions: Predictions
    name: str  # given, or what a run is called for its network
    key: str  # the seeds of one network share it
    seed: int | None = None
    recipe: Recipe | None = None
    data: str = ""


def results_of(runs: Sequence[Run | Path | str], split: str) -> Results:
    """The runs' predictions, by network, a network's seeds in their order."""
    if not runs:
        raise UsageError("there is nothing to compare: name the folders of finished runs, or CSV files of predictions.")
    given = [given_of(run, split) for run in runs]
    check_same_photos(given)
    groups: dict[str, list[Given]] = {}
    for one in given:
        groups.setdefault(one.key, []).append(one)
    for members in groups.values():
        refuse_twice(members)
    names = names_of([members[0] for members in groups.values()])
    return {
        name: tuple(one.predictions for one in sorted(members, key=lambda one: one.seed or 0))
        for name, members in zip(names, groups.values(), strict=True)
    }


def given_of(run: Run | Path | str, split: str) -> Given:
    """One run or file, read; an unfinished or damaged run is refused in words."""
    where, name = folder_of(run), "" if isinstance(run, Run) else place_of(str(run))[1]
    if not where.exists() and where.suffix != ".csv":
        raise Run(where).no_run("")
    if not where.exists():
        raise ModisteError(f"{where}: nothing is there. Give the folder of a finished run, or a CSV file of predictions.")
    if where.is_file():
        predictions = Predictions.read(where)
        return Given(str(where), predictions, name or where.stem, f"named {name}" if name else f"file {where.resolve()}")
    opened = Run(where)
    data, recipe = opened.about.get("data", {}).get("hash", ""), opened.recipe  # `about` refuses a run that is not finished
    predictions = opened.predictions(split)
    unseeded = meant(replace(recipe, seed=0)).plain()
    key = f"named {name}" if name else fingerprint([unseeded, data])
    return Given(str(where), predictions, name or slug(recipe.network), key, recipe.seed, recipe, data)


def place_of(text: str) -> tuple[Path, str]:
    """A place and the name given to it, from 'NAME=PLACE' or 'PLACE'."""
    name, equals, place = text.partition("=")
    if equals and name.strip() and not Path(text).exists():
        return Path(place).expanduser(), name.strip()
    return Path(text).expanduser(), ""


def check_same_photos(given: Sequence[Given]) -> None:
    first = given[0]
    for one in given[1:]:
        try:
            classes_of({first.where: (first.predictions,), one.where: (one.predictions,)})
        except ModisteError as error:
            told = f"{len(first.predictions):,} photos of {len(first.predictions.classes)} classes"
            other = f"{len(one.predictions):,} of {len(one.predictions.classes)}"
            raise ModisteError(
                f"{one.where} was not tested on the photos, true classes and order of classes of {first.where} ({other}; {told}): "
                "only what answered the same questions can be compared. Test both on one catalogue; `modiste evaluate RUN --data` does."
            ) from error


def refuse_twice(members: Sequence[Given]) -> None:
    """The same network twice would look like two seeds that agree wonderfully."""
    seen: dict[object, str] = {}
    for one in members:
        first = members[0]
        if one.recipe and first.recipe and (apart := differing(one.recipe, first.recipe)):
            raise ModisteError(
                f"{first.where} and {one.where} are both named {one.name}, but are no seeds of one network: they differ in "
                f"{', '.join(apart)}. Give each a name of its own."
            )
        which: object = one.seed if one.seed is not None else Path(one.where).resolve()
        if which in seen:
            what = "the same seed of the same recipe" if one.seed is not None else "the same file"
            raise ModisteError(f"{seen[which]} and {one.where} are {what}: leave one of them away, or name it otherwise: NAME={one.where}")
        seen[which] = one.where


def differing(one: Recipe, other: Recipe) -> list[str]:
    """The settings in which two recipes differ, but for the seed, and the place of a file of weights, which may be the same file.

    >>> differing(Recipe(seed=1), Recipe(lr=0.001))
    ['lr']
    """
    own, theirs = (flat(meant(replace(recipe, seed=0)).plain()) for recipe in (one, other))
    return [key for key in own if own[key] != theirs[key] and key != "network.weights"]


def names_of(firsts: Sequence[Given]) -> list[str]:
    """A name for each network: what it was given or what its recipe is called, with the settings that tell equal names apart."""
    names = []
    for one in firsts:
        alike = [other for other in firsts if other.name == one.name]
        names.append(one.name if len(alike) == 1 else f"{one.name} ({telling(one, alike)})")
    return [name if names.count(name) == 1 else one.where for name, one in zip(names, firsts, strict=True)]


def telling(one: Given, alike: Sequence[Given]) -> str:
    """The settings in which a run differs from those of the same name: 'pixels.side 112'; the folder where there is none."""
    if one.recipe is None or any(other.recipe is None for other in alike):
        return one.where
    own = flat(one.recipe.plain())
    others = [flat(other.recipe.plain()) for other in alike if other.recipe is not None]
    apart = [f"{key} {spelt(value)}" for key, value in own.items() if key != "seed" and any(other[key] != value for other in others)]
    if len({other.data for other in alike}) > 1:
        apart.append(f"data {one.data[:8]}")
    return ", ".join(apart) or one.where


def finite(plain: dict[str, Any]) -> dict[str, Any]:
    """Infinite degrees of freedom as null: JSON knows no infinity."""
    if plain["difference"]["freedom"] == float("inf"):
        plain["difference"]["freedom"] = None
    return plain
