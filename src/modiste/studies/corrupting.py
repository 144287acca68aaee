"""Several runs on corrupted photos: each network's predictions, the tables that compare them, and the curves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from modiste.data.corruptions import CORRUPTIONS, SEVERITIES
from modiste.data.split import part_asked
from modiste.evaluation.figures.results import on_white, png, svg
from modiste.evaluation.figures.trust import ON_ONE_SHEET, robustness_curves
from modiste.evaluation.measures import check_photos, measure
from modiste.evaluation.pages.tables import write_tables
from modiste.evaluation.statistics.robustness import Robustness, robustness_table, severities_table
from modiste.records.catalogue import TEST, Catalogue
from modiste.records.disk import write_bytes, write_text
from modiste.records.errors import UsageError
from modiste.records.own import refuse_inside
from modiste.records.progress import Progress, Tell, silent
from modiste.records.run import Run
from modiste.records.table import Table
from modiste.training.model import answerable, open_model
from modiste.training.robustness import robustness


@dataclass(frozen=True)
class Corrupted:
    """What came of it: models by name, tables by name, and the folder that holds them, the curves and all predictions."""

    models: dict[str, Robustness]
    tables: dict[str, Table]
    folder: Path

    def plain(self) -> dict[str, Any]:
        """The answer as plain values, for JSON."""
        return {"folder": str(self.folder), "tables": {name: table.plain() for name, table in self.tables.items()}}


def corrupted_runs(
    runs: Sequence[Path],
    catalogue: Catalogue,
    folder: Path,
    *,
    measured: str = "macro_f1",
    split: str | None = None,
    corruptions: Sequence[str] = (),
    severities: Sequence[int] = SEVERITIES,
    seed: int = 0,
    where: str = "auto",
    tell: Tell = silent,
) -> Corrupted:
    """Runs tested on one split's corrupted photos (test, or all where none is test); tables and curves are written to `folder`.

    No corruptions named means all. After Ctrl-C the same call goes on.
    """
    names = names_of(runs)
    refuse_inside(folder, catalogue.root, "--output")
    measure(measured, catalogue.classes.names)
    split = split or (TEST if len(catalogue.split(TEST)) else None)
    photos = part_asked(catalogue, split)
    check_photos(measured, catalogue.classes.names, photos.counts())
    for run in runs:  # what is wrong with the last is told before the first is asked about every corruption
        answerable(Run(run), open_model(Run(run)), photos)
    models = {}
    for place, (name, run) in enumerate(names.items(), 1):
        tell(Progress("study of corrupted photos", place, len(names), "runs", name))
        models[name] = robustness(
            run,
            photos,
            folder / "predictions",
            corruptions=corruptions or tuple(CORRUPTIONS),
            severities=severities,
            seed=seed,
            where=where,
            tell=tell,
        )
    tables = {"robustness": robustness_table(models, measured)}
    tables |= {f"severities-{name}": severities_table(name, one, measured) for name, one in models.items()}
    write_tables(tables, folder)
    draw(models, measured, folder)
    return Corrupted(models, tables, folder)


def names_of(runs: Sequence[Path]) -> dict[str, Path]:
    """Runs by what people call them: the folder without its id, where that tells them apart.

    >>> list(names_of([Path("runs/alexnet-seed0-a1f6beffb818"), Path("runs/alexnet-svm-seed0-0f3a00000000")]))
    ['alexnet-seed0', 'alexnet-svm-seed0']
    >>> list(names_of([Path("best-network")]))
    ['best-network']
    """
    whole = [run.resolve().name for run in runs]
    short = [re.sub(r"-[0-9a-f]{12}$", "", name) for name in whole]
    names = short if len(set(short)) == len(short) else whole
    if not runs or len(set(names)) < len(names):
        raise UsageError("name one run at least, and each once.")
    return dict(zip(names, runs, strict=True))


def draw(models: dict[str, Robustness], measured: str, folder: Path) -> None:
    """The curves as SVG and PNG, so many models on a sheet as can be told apart."""
    rest, sheet = iter(models.items()), 0
    while some := dict(islice(rest, ON_ONE_SHEET)):
        sheet += 1
        figure = robustness_curves(some, measured)
        stem = f"curves-{sheet}" if len(models) > ON_ONE_SHEET else "curves"
        write_text(folder / f"{stem}.svg", on_white(svg(figure)))
        write_bytes(folder / f"{stem}.png", png(figure))
