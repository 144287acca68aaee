"""The two long words of the Python API: train one network, finish one study. The command line calls the same."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from modiste.data.layouts.readers import read
from modiste.records.catalogue import Catalogue
from modiste.records.errors import UsageError
from modiste.records.plain import flat
from modiste.records.progress import Tell, silent
from modiste.records.recipe import Recipe
from modiste.records.run import Run
from modiste.studies.definitions import STUDIES, Study, variants
from modiste.studies.files import find
from modiste.studies.finish import Finished, finish
from modiste.studies.settings import refuse_idle
from modiste.training.fit import Manner, fit, refuse_carving


def recipe(variant: str, preset: str = "paper", settings: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe of a variant of Table 7, with some settings changed ({'pixels.side': 112})."""
    made = variants(variant, preset=preset)
    refuse_idle(flat(settings or {}), made)
    return made[variant].changed(settings or {}, "--set")


def train(
    variant: str | Recipe,
    catalogue: Catalogue | Path | str,
    runs: Path | str = "runs",
    *,
    preset: str | None = None,
    settings: Mapping[str, Any] | None = None,
    device: str = "auto",
    max_seconds: float | None = None,
    log: Sequence[str] = (),
    tell: Tell = silent,
) -> Run:
    """The finished run of a variant, by name or as a recipe: found in `runs`, gone on with, or trained.

    A name takes a `preset`, 'paper' where none is given; a recipe has all its settings, and is refused with one.
    After `max_seconds` it stops with `Stopped`; the same call goes on. `log` names tensorboard, mlflow, or both.
    """
    if preset is not None and not isinstance(variant, str):
        raise UsageError(
            f"preset='{preset}' beside a recipe, which has all its settings. Give a variant's name with it, or the recipe alone."
        )
    made = recipe(variant, preset or "paper", settings) if isinstance(variant, str) else variant.changed(settings or {})
    catalogue = opened(catalogue)
    refuse_carving(made, catalogue, flat(settings or {}))
    return fit(made, catalogue, Path(runs), manner_of(device, max_seconds, log, tell))


def study(
    name: str | Study,
    catalogue: Catalogue | Path | str,
    runs: Path | str = "runs",
    *,
    seeds: int | Sequence[int] | None = None,
    settings: Mapping[str, Any] | None = None,
    weights: str | None = None,
    device: str = "auto",
    max_seconds: float | None = None,
    log: Sequence[str] = (),
    tell: Tell = silent,
    report_only: bool = False,
    called: str = "",
    note: str = "",
) -> Finished:
    """A study by name or file, finished: its tables, its runs, and where the report was written.

    `seeds` is how many, or which. After `max_seconds` the report is written of the runs that are finished; `report_only` trains nothing.
    The report is `called` otherwise than the study where that is given, and opens with the `note`.
    """
    wanted = wanted_study(name, range(seeds) if isinstance(seeds, int) else seeds, settings, weights, called, note)
    return finish(wanted, opened(catalogue), Path(runs), manner_of(device, max_seconds, log, tell), train=not report_only)


def manner_of(device: str, max_seconds: float | None, log: Sequence[str], tell: Tell) -> Manner:
    """How to train, from what a caller gives; the time begins now."""
    deadline = None if max_seconds is None else time.monotonic() + max_seconds
    return Manner(device, tell, deadline=deadline, log=tuple(log))


def opened(catalogue: Catalogue | Path | str) -> Catalogue:
    """A catalogue, read if it is a place."""
    return catalogue if isinstance(catalogue, Catalogue) else read(catalogue)


def wanted_study(
    name: str | Study,
    seeds: Sequence[int] | None,
    settings: Mapping[str, Any] | None,
    weights: str | None,
    called: str = "",
    note: str = "",
) -> Study:
    """`prepared`, with a name for the report and what it opens with; the name of another built-in study is refused."""
    found = prepared(name, seeds, settings, weights)
    if called in STUDIES and called != found.name:
        raise UsageError(f"--name {called}: that is a study of modiste's own, whose report it would write over. Give another name.")
    return replace(found, name=called or found.name, note=note or found.note)


def prepared(
    name: str | Study, seeds: Sequence[int] | None = None, settings: Mapping[str, Any] | None = None, weights: str | None = None
) -> Study:
    """A study with the caller's seeds, settings and starting weights."""
    settings = flat(settings or {})
    if weights is not None and any(key.removeprefix("recipe.") == "network.weights" for key in settings):
        raise UsageError(f"--weights {weights} and the setting network.weights: they are one setting. Give one of them.")
    found = find(name) if isinstance(name, str) else name
    if seeds is not None:
        found = replace(found, seeds=tuple(seeds))
    return found.starting_from(weights).changed(settings)
