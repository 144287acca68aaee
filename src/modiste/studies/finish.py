"""Finishing a study: run what it lacks, then write and return its tables, figures and report."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path

from matplotlib.figure import Figure

from modiste.data.describe import Contents
from modiste.evaluation.figures.results import class_report, confusions, curves, f1_dots, png, svg
from modiste.evaluation.metrics import accuracy, macro_f1
from modiste.evaluation.pages.page import page
from modiste.evaluation.pilot import pilot, recommendation
from modiste.evaluation.published import PUBLISHED
from modiste.evaluation.tables import PAPER_TABLES, summary
from modiste.models.heads import HEADS
from modiste.models.variants import VARIANTS, build
from modiste.records.catalogue import Catalogue
from modiste.records.disk import write_bytes, write_json, write_text
from modiste.records.errors import Busy, ModisteError, Stopped, TrainingDiverged
from modiste.records.launch import follows
from modiste.records.plain import all_keys
from modiste.records.predictions import Predictions
from modiste.records.progress import Progress, Tell
from modiste.records.recipe import Recipe
from modiste.records.run import Epoch, Run, run_folder
from modiste.records.table import Table
from modiste.studies.definitions import Study
from modiste.studies.plan import minutes
from modiste.training.fit import USUAL, Manner, check_before_work, divided, fit, used_contents, without_second_stage

Runs = Mapping[str, Sequence[Run]]  # variant -> its finished runs, a seed each


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

    @property
    def report(self) -> Path:
        return self.folder / "report.html"


def finish(study: Study, catalogue: Catalogue, runs: Path = Path("runs"), manner: Manner = USUAL, *, train: bool = True) -> Finished:
    """Run what the study still lacks (nothing if `train` is false), then write its tables, figures and report."""
    for recipe in study.recipes.values():
        check_before_work(recipe, manner.where)
    contents = used_contents(catalogue, manner.tell)
    for recipe in study.recipes.values():
        divided(catalogue, recipe, contents)  # refuses splits that some variant could not be trained with
    if train:
        check_weights(study, catalogue, runs, contents.data_hash, manner.tell)
    left = train_what_is_lacking(study, catalogue, runs, manner, contents) if train else Left()
    planned = study.planned()
    manner.tell(Progress(f"study {study.name}", len(planned), len(planned), "runs", "writing the report"))
    found: dict[str, list[Run]] = {name: [] for name in study.recipes}
    for name, recipe in planned:
        if (run := Run(run_folder(runs, recipe, contents.data_hash))).finished:
            found[name].append(run)
    if not any(found.values()):
        nothing = f"{runs}: no run of the study '{study.name}' with these settings is finished, so there is nothing to report."
        raise left.error or ModisteError(nothing)
    tables, folder = tables_of(study, found), runs / "studies" / study.name
    lacking = len(planned) - sum(len(some) for some in found.values())
    if not follows():
        write_out(study, catalogue, contents, found, tables, folder, lacking)
    return Finished(tables, folder, found, lacking, str(left.error or ""), left.diverged)


def train_what_is_lacking(study: Study, catalogue: Catalogue, runs: Path, manner: Manner, contents: Contents) -> Left:
    """Train one run after another; why some are left, or nothing.

    A run that another process trains is left for the end: two processes on one folder share a study's work. A run that diverges
    leaves the others to be trained, but for an SVM that stands on it.
    """
    waiting, busy, planned = deque(study.planned()), [], study.planned()
    diverged: dict[Recipe, str] = {}
    while waiting:
        name, recipe = waiting.popleft()
        done = len(planned) - len(waiting) - 1
        manner.tell(Progress(f"study {study.name}", done, len(planned), "runs", f"{name}, seed {recipe.seed}"))
        if (trunk := without_second_stage(recipe)) in diverged:
            diverged[recipe] = f"{name}, seed {recipe.seed}: it stands on a network that diverged."
            continue
        try:
            fit(recipe, catalogue, runs, manner, contents)
        except TrainingDiverged as error:
            diverged[trunk] = f"{name}, seed {recipe.seed}: {error}"
        except Busy as error:
            if (name, recipe) not in busy:
                waiting.append((name, recipe))
                busy.append((name, recipe))
            else:
                return Left(error, tuple(diverged.values()))
        except Stopped as stopped:
            if stopped.exit_code:
                raise
            return Left(stopped, tuple(diverged.values()))
    words = tuple(diverged.values())
    return Left(TrainingDiverged("\n".join(words)) if words else None, words)


def check_weights(study: Study, catalogue: Catalogue, runs: Path, data_hash: str, tell: Tell) -> None:
    """Get pretrained weights and see that they fit before the first network is trained, not hours later."""
    for name, recipe in study.planned():
        if recipe.network.weights != "none" and not Run(run_folder(runs, recipe, data_hash)).finished:
            tell(Progress("getting weights", 0, 1, "files", name))
            build(recipe.network, len(catalogue.classes), recipe.pixels.channels)


def tables_of(study: Study, found: Runs) -> tuple[Table, ...]:
    """The study's tables, in its order, from the predictions and histories on disk."""
    made = []
    for name in study.tables:
        if name == "pilot":
            made.append(pilot(histories(found)))
        elif name == "summary":
            made.append(summary(predictions_of(found)))
        else:
            made.append(PAPER_TABLES[int(name)](predictions_of(found)))
    return tuple(made)


def predictions_of(found: Runs) -> dict[str, list[Predictions]]:
    """What each variant's runs said of the test split, or of validation where there is no test."""
    return {name: [run.predictions("test" if "test" in run.splits else "validation") for run in some] for name, some in found.items()}


def histories(found: Runs) -> dict[str, list[list[Epoch]]]:
    return {name: [run.history() for run in some] for name, some in found.items()}


def figures_of(study: Study, found: Runs) -> dict[str, Callable[[], Figure]]:
    """Captions, and what draws each: for the paper its Figs. 7 to 10, for other studies the same of all variants."""
    own = {
        name: some[0].history() for name, some in found.items() if some and HEADS[study.recipes[name].network.head] is None
    }  # an SVM has its softmax network's curves
    like = " (as Fig. 7)" if "7" in study.tables else ""
    made: dict[str, Callable[[], Figure]] = {f"Training: loss and accuracy{like}": lambda: curves(own)} if any(own.values()) else {}
    if "pilot" in study.tables:
        return made
    results = {name: some for name, some in predictions_of(found).items() if some}
    made = {"Macro F1 of every variant": lambda: f1_dots(results)} | made
    groups = figure_groups(study, results)
    for caption, names in groups.items():
        some = {name: results[name] for name in names}
        draw = class_report if caption.startswith("Classification report") else confusions
        made[caption] = lambda draw=draw, some=some: draw(some)  # type: ignore[misc]
    return made


def figure_groups(study: Study, results: Mapping[str, Sequence[Predictions]]) -> dict[str, list[str]]:
    """Which variants stand together in which figure."""
    if "7" not in study.tables:
        return {"Classification reports": [*results], "Confusion matrices": [*results]}
    groups = {
        "Classification report of 6Conv_SVM (as Fig. 8)": ["6Conv_SVM"],
        "Confusion matrices of AlexNet (as Fig. 9)": [*PUBLISHED[3], "5Conv_SVM"],
        "Confusion matrices of AlexNet + CBAM (as Fig. 10)": [*PUBLISHED[4]],
        "Confusion matrices of ResNet-18 and ResNet-18 + CBAM": [name for name in PUBLISHED[7] if name.startswith("Resnet")],
    }
    there = {caption: [name for name in names if name in results] for caption, names in groups.items()}
    return {caption: names for caption, names in there.items() if names}


def write_out(
    study: Study, catalogue: Catalogue, contents: Contents, found: Runs, tables: Sequence[Table], folder: Path, lacking: int
) -> None:
    """report.html, and each table and figure as a file of its own."""
    for name, table in zip(study.tables, tables, strict=True):
        stem = folder / "tables" / (f"table-{name}" if name.isdigit() else name)
        write_text(stem.with_suffix(".md"), table.markdown())
        write_text(stem.with_suffix(".csv"), table.csv())
        write_text(stem.with_suffix(".tex"), table.latex())
    drawings = {}
    for caption, draw in figures_of(study, found).items():
        figure = draw()
        stem = folder / "figures" / "".join(letter if letter.isalnum() else "-" for letter in caption.lower()).strip("-")
        drawings[caption] = svg(figure)
        write_text(stem.with_suffix(".svg"), drawings[caption])
        write_bytes(stem.with_suffix(".png"), png(figure))
    facts = circumstances(study, catalogue, contents, found)
    write_json(folder / "study.json", {**facts, "runs": {name: [run.folder.name for run in some] for name, some in found.items()}})
    html = page(f"Study: {study.name}", study.question, in_words(study, found, lacking), tables, drawings, facts)
    write_text(folder / "report.html", html)


def in_words(study: Study, found: Runs, lacking: int) -> list[str]:
    """The result in a few sentences, with how far it can be trusted."""
    words = list(study.notes)
    if departures := other_than_paper(study):
        words.append(f"Not the paper's protocol: {', '.join(departures)}.")
    if lacking:
        words.append(f"{lacking} of {len(study.planned())} runs are not finished; their cells are dashes.")
    if "pilot" in study.tables:
        return [*words, recommendation(histories(found))]
    means = {name: sum(map(macro_f1, some)) / len(some) for name, some in predictions_of(found).items() if some}
    best, last = max(means, key=lambda name: means[name]), min(means, key=lambda name: means[name])
    words.append(f"Best by macro F1: {best} with {means[best]:.4f}; last of {len(means)}: {last} with {means[last]:.4f}.")
    of_best = predictions_of(found)[best][0]
    right = accuracy(of_best)
    half = 1.96 * math.sqrt(max(right * (1 - right), 1e-9) / len(of_best))
    words.append(
        f"With {len(of_best)} photos, {best}'s accuracy of {right:.4f} is known to about ±{half:.4f} "
        "(95 %, normal approximation): do not read smaller differences as differences."
    )
    seeds = min(len(some) for some in found.values() if some)
    words.append(f"{'One seed' if seeds == 1 else f'{seeds} seeds'} a variant.")
    if "7" in study.tables:
        words.append(
            "The paper's figures come from the paper's own photos: a difference beside them is one of data as well as of training."
        )
    return words


def other_than_paper(study: Study) -> list[str]:
    """Settings of training and pixels in which a study of the paper's networks departs from the preset `paper`.

    >>> from modiste.studies.definitions import STUDIES
    >>> other_than_paper(STUDIES["paper"]().changed({"epochs": 3}))
    ['epochs 3 instead of 19']
    """
    if "7" not in study.tables:
        return []
    usual, found = Recipe(), set[str]()
    for name, recipe in study.recipes.items():
        own_usual = replace(usual, network=VARIANTS.get(name, recipe.network))
        for key in all_keys(Recipe):
            if key == "seed" or (
                key in ("network.weights", "network.frozen") and study.notes
            ):  # starting_from has said what became of these
                continue
            own, theirs = (attrgetter(key)(one) for one in (recipe, own_usual))
            if own != theirs:
                found.add(f"{key} {own} instead of {theirs}")
    return sorted(found)


def circumstances(study: Study, catalogue: Catalogue, contents: Contents, found: Runs) -> dict[str, str]:
    """Recipe, data, versions, time: what made the result."""
    some_runs = [run for some in found.values() for run in some]
    about = some_runs[0].about
    trunks = {run.about["trunk"] for run in some_runs if "trunk" in run.about} - {run.folder.name for run in some_runs}
    behind = [Run(some_runs[0].folder.parent / name) for name in trunks]
    seconds = sum(run.about["seconds"] for run in [*some_runs, *(run for run in behind if run.finished)])
    splits = divided(catalogue, next(iter(study.recipes.values())), contents).named()
    recipe = next(iter(study.recipes.values()))
    return {
        "Classes": str(catalogue.classes),
        "Photos": ", ".join(f"{name} {len(part)}" for name, part in splits.items()),
        "Data hash": contents.data_hash,
        "Pixels": f"{recipe.pixels.side} px, {recipe.pixels.colour}, {recipe.pixels.fit}",
        "Training": f"{recipe.epochs} epochs, batch {recipe.batch}, {recipe.optimiser} at {recipe.lr:g}, sampling {recipe.sampling}",
        "Seeds": ", ".join(map(str, study.seeds)),
        "Arithmetic": ", ".join(sorted({run.about["precision"] for run in some_runs})),
        "Time of all runs": minutes(seconds),
        **{name: str(value) for name, value in about["made_with"].items()},
    }
