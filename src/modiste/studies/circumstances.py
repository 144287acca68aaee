"""What made a study's outcome: recipe, photos, versions, time, the command, and the runs with their predictions."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from itertools import chain

from modiste.evaluation.pages.page import described
from modiste.records.run import Run
from modiste.records.table import html_text
from modiste.records.words import counted
from modiste.studies.outcome import Outcome
from modiste.studies.plan import minutes
from modiste.training.fit import divided


def circumstances(outcome: Outcome) -> dict[str, str]:
    """Recipe, data, versions, time, each in words."""
    some_runs = [run for some in outcome.found.values() for run in some]
    trunks = {run.about["trunk"] for run in some_runs if "trunk" in run.about} - {run.folder.name for run in some_runs}
    behind = [Run(some_runs[0].folder.parent / name) for name in trunks]
    seconds = sum(run.about["seconds"] for run in [*some_runs, *(run for run in behind if run.finished)])
    days = [run.about["finished_at"][:10] for run in some_runs if "finished_at" in run.about]
    recipes, made_with = outcome.study.recipes.values(), [run.about["made_with"] for run in some_runs]
    carved = {(recipe.validation, recipe.split_seed): recipe for recipe in recipes}.values()
    splits = [divided(outcome.catalogue, recipe, outcome.contents).named() for recipe in carved]
    return {
        "Classes": str(outcome.catalogue.classes),
        "Photos": each_once(", ".join(f"{name} {len(part):,}" for name, part in parts.items()) for parts in splits),
        "Data hash": outcome.contents.data_hash,
        "Pixels": each_once(f"{one.pixels.side} px, {one.pixels.colour}, {one.pixels.fit}" for one in recipes),
        "Training": each_once(
            f"{counted(one.epochs, 'epoch')}, batch {one.batch}, {one.optimiser} at {one.lr:g}, sampling {one.sampling}" for one in recipes
        ),
        "Seeds": ", ".join(map(str, outcome.study.seeds)),
        "Arithmetic": ", ".join(sorted({run.about["precision"] for run in some_runs})),
        "Time of all runs": minutes(seconds),
        **({"Finished": " to ".join(dict.fromkeys((min(days), max(days))))} if days else {}),
        **({"Command": shlex.join(outcome.command)} if outcome.command else {}),
        **{name: each_once(str(one[name]) for one in made_with if name in one) for name in dict.fromkeys(chain(*made_with))},
    }


def each_once(words: Iterable[str]) -> str:
    """What is said of a study's variants or runs, where they differ one thing after another.

    >>> each_once(["224 px", "244 px", "224 px"])
    '224 px; 244 px'
    """
    return "; ".join(dict.fromkeys(words))


def runs_in_json(outcome: Outcome) -> dict[str, dict[str, list[str]]]:
    """The runs' folders and the SHA-256 of their predictions, by variant."""
    name = f"predictions/{outcome.split}.csv"
    return {
        "runs": {variant: [run.folder.name for run in some] for variant, some in outcome.found.items()},
        "predictions": {variant: [run.about["files"][name] for run in some] for variant, some in outcome.found.items()},
    }


def runs_in_html(outcome: Outcome) -> str:
    """The same behind a fold, a run a line."""
    name = f"predictions/{outcome.split}.csv"
    lines = [
        f"<dt>{html_text(variant)}, seed {run.recipe.seed}</dt>"
        f"<dd><code>{html_text(run.folder.name)}</code><br><code>{html_text(run.about['files'][name])}</code></dd>"
        for variant, some in outcome.found.items()
        for run in some
    ]
    summary = f"<summary>Runs, and the SHA-256 of their {name}</summary>"
    return f'<details class="runs">{summary}\n<dl>\n{"".join(lines)}\n</dl></details>' if lines else ""


def made(outcome: Outcome) -> list[str]:
    """The parts of the report's last section."""
    return [described(circumstances(outcome)), runs_in_html(outcome)]
