"""Finishing a study: run what it lacks, then write and return its tables, figures and report."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from modiste.data.describe import Contents
from modiste.records.catalogue import Catalogue
from modiste.records.errors import Busy, ModisteError, Stopped, TrainingDiverged
from modiste.records.launch import follows
from modiste.records.progress import Progress
from modiste.records.recipe import Recipe
from modiste.records.run import Run, run_folder
from modiste.records.table import Table
from modiste.studies.checks import check_carving, check_claims, check_judged_alike, check_pilot, check_trunks, check_weights
from modiste.studies.definitions import Study
from modiste.studies.outcome import Outcome, Runs
from modiste.studies.reporting import report_on, tables_of
from modiste.training.fit import USUAL, Manner, check_before_work, divided, fit, used_contents, without_second_stage
from modiste.training.loggers import check_loggers


@dataclass(frozen=True)
class Left:
    """Why runs are not finished: what stopped the work, if anything did, and each run that diverged, in words."""

    error: ModisteError | None = None
    diverged: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finished:
    """What a study gave: its tables, the folder they were written to, and the runs they were made from."""

    tables: tuple[Table, ...]
    folder: Path
    runs: Runs
    lacking: int  # runs that are not finished
    left: str = ""  # why, in words
    diverged: tuple[str, ...] = ()  # runs whose loss became no number: name, seed and why
    replaced: str = ""  # what the report that stood there was of, where that was other photos or settings

    @property
    def report(self) -> Path:
        return self.folder / "report.html"


def finish(
    study: Study,
    catalogue: Catalogue,
    runs: Path = Path("runs"),
    manner: Manner = USUAL,
    *,
    train: bool = True,
    command: Sequence[str] = (),
) -> Finished:
    """Run what the study still lacks (nothing if `train` is false), then write its tables, figures and report.

    `command` is told in the report: what was typed to get it.
    """
    for recipe in study.recipes.values():
        check_before_work(recipe, manner.where)
    check_loggers(manner.log)
    check_claims(study, catalogue)
    if train:
        check_carving(study, catalogue)
    contents = used_contents(catalogue, manner.tell)
    splits = [divided(catalogue, recipe, contents) for recipe in study.recipes.values()]  # refuses what a variant could not be trained with
    check_pilot(study, splits)
    if train:
        check_judged_alike(study, splits)
        check_weights(study, catalogue, runs, contents.data_hash, manner.tell)
        check_trunks(study, runs, contents.data_hash)
    left = train_what_is_lacking(study, catalogue, runs, manner, contents) if train else Left()
    found: dict[str, list[Run]] = {name: [] for name in study.recipes}
    for name, recipe in study.planned():
        if (run := Run(run_folder(runs, recipe, contents.data_hash))).finished:
            found[name].append(run)
    if not any(found.values()):
        nothing = f"{runs}: no run of the study '{study.name}' with these settings is finished, so there is nothing to report."
        raise left.error or ModisteError(nothing)
    outcome, folder = Outcome(study, catalogue, contents, found, left.diverged, tuple(command)), runs / "studies" / study.name
    tables, replaced = (tuple(tables_of(outcome).values()), "") if follows() else report_on(outcome, folder, manner.where, manner.tell)
    return Finished(tables, folder, found, outcome.lacking, str(left.error or ""), left.diverged, replaced)


def train_what_is_lacking(study: Study, catalogue: Catalogue, runs: Path, manner: Manner, contents: Contents) -> Left:
    """Train one run after another; why some are left, or nothing.

    A run that another process trains is left for the end: two processes on one folder share a study's work. A run that diverges
    leaves the others to be trained, but for an SVM that stands on it.
    """
    waiting, busy, planned = deque(study.planned()), [], study.planned()
    gone, diverged = set[Recipe](), list[str]()
    while waiting:
        name, recipe = waiting.popleft()
        done = len(planned) - len(waiting) - 1
        manner.tell(Progress(f"study {study.name}", done, len(planned), "runs", f"{name}, seed {recipe.seed}"))
        if (trunk := without_second_stage(recipe)) in gone:
            diverged.append(f"{name}, seed {recipe.seed}: it {'is' if recipe == trunk else 'stands on'} a network that diverged.")
            continue
        try:
            fit(recipe, catalogue, runs, manner, contents)
        except TrainingDiverged as error:
            gone.add(trunk)
            diverged.append(f"{name}, seed {recipe.seed}: {error}")
        except Busy as error:
            if (name, recipe) not in busy:
                waiting.append((name, recipe))
                busy.append((name, recipe))
            else:
                return Left(error, tuple(diverged))
        except Stopped as stopped:
            if stopped.exit_code:
                raise
            return Left(stopped, tuple(diverged))
    return Left(TrainingDiverged("\n".join(diverged)) if diverged else None, tuple(diverged))
