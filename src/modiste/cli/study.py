"""Commands that train and compare: study, train, find-lr, variants; and doctor."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from modiste.cli.words import (
    DATA,
    NOT_ASKED,
    OUTPUT,
    RECIPE,
    USUALLY,
    Asked,
    AskedToTrain,
    Epochs,
    Json,
    Preset,
    Runs,
    Sitting,
    parse_seeds,
    show,
)
from modiste.records.errors import TrainingDiverged, UsageError
from modiste.records.recipe import Recipe


def study(
    name: str,
    /,
    *,
    asked: Asked,
    seeds: Annotated[str, Parameter(group=RECIPE, help="How many seeds (3 means 0, 1 and 2), or which: 0,4,7.")] = "",
    epochs: Epochs = None,
    sitting: Sitting = USUALLY,
    dry_run: Annotated[bool, Parameter(negative="", group=OUTPUT, help="Say what would be done and how long it takes.")] = False,
    report_only: Annotated[bool, Parameter(negative="", group=OUTPUT, help="Train nothing; report on the runs that are finished.")] = False,
    called: Annotated[
        str | None, Parameter(name="--name", group=OUTPUT, help="Write the report under this name; else under the study's own.")
    ] = None,
    note: Annotated[str, Parameter(group=OUTPUT, help="A sentence that stands before all else in the report.")] = "",
    json: Json = False,
) -> None:
    """Run what a study still lacks, then print its tables beside the paper's and write a report.

    NAME is paper, sound, pilot, attention-vs-unfreezing, sensitivity, fair-lr, stand-in, or a TOML or YAML file of your own. A stopped
    study goes on when the command is given again. Where a network diverges the others go on, and the exit code is 6.
    """
    from modiste.api import wanted_study
    from modiste.studies.finish import finish
    from modiste.studies.plan import plan
    from modiste.terminal import progress

    if dry_run and report_only:
        raise UsageError("--dry-run says what would be trained, --report-only trains nothing: give one of them.")
    wanted = wanted_study(name, parse_seeds(seeds), asked.settings(epochs), asked.weights, called or "", note)
    catalogue = asked.catalogue()
    with progress() as tell:
        manner = sitting.manner(asked.device, tell)
        if dry_run:
            planned = plan(wanted, catalogue, asked.runs, manner)
        else:
            finished = finish(wanted, catalogue, asked.runs, manner, train=not report_only, command=typed())
    if dry_run:
        show(planned.plain(), planned.tables, json)
        return
    plain = {
        "tables": [table.plain() for table in finished.tables],
        "report": str(finished.report),
        "unfinished": finished.lacking,
        "why": finished.left,
        "diverged": list(finished.diverged),
    }
    why = "\n".join([finished.left, *(one for one in finished.diverged if one not in finished.left)])
    left = f"\n{finished.lacking} {'run is' if finished.lacking == 1 else 'runs are'} not finished: {why}" if finished.left else ""
    instead = (
        f"\nIt stands in the place of a report of other photos or settings ({finished.replaced}). To keep both: --name."
        if finished.replaced
        else ""
    )
    show(plain, finished.tables, json, f"{left}\nReport: {finished.report}{instead}")
    if finished.diverged:
        raise SystemExit(TrainingDiverged.exit_code)


def typed() -> list[str]:
    """The command that gives this report, from the first run on."""
    return ["modiste", *(word for word in sys.argv[1:] if word not in ("--report-only", "--json"))]


def train(
    variant: str | None = None,
    /,
    *,
    labels: Annotated[
        Path | None, Parameter(name="--from", group=DATA, help="Learn a bundle's last layer from these labels; VARIANT is left away then.")
    ] = None,
    model: Annotated[Path | None, Parameter(group=DATA, help="With --from: the bundle to learn from; without it, modiste's own.")] = None,
    output: Annotated[
        Path | None, Parameter(name=("--output", "-o"), group=OUTPUT, help="With --from: the new bundle; better.onnx when left away.")
    ] = None,
    asked: AskedToTrain = NOT_ASKED,
    preset: Preset = "paper",
    seed: Annotated[int, Parameter(group=RECIPE, help="The seed of everything that is random.")] = 0,
    epochs: Epochs = None,
    auto_batch: Annotated[
        bool, Parameter(negative="", group=RECIPE, help="Measure which batch this machine is quickest with, and train with it.")
    ] = False,
    sitting: Sitting = USUALLY,
    json: Json = False,
) -> None:
    """Train one network and print its classification report; or, with --from, make a better bundle of your own labels in minutes.

    VARIANT is a name of Table 7: "AlexNet (baseline)", 3Conv_SVM, "Alex-CBAM(16&7)", Resnet-CBAM ... `modiste variants` lists them.
    --from reads any labels, or a result of `modiste label` with a column right_label; it ends with 3 where nothing is clearly better.
    """
    from modiste.cli.learn import learn_from, refuse_with_labels

    if labels is not None:
        refuse_with_labels(variant, preset, epochs, auto_batch, asked, sitting)
        return learn_from(labels, output, model, asked, seed, json)
    if variant is None or asked.data is None or model or output:
        raise UsageError(
            "give a VARIANT and --data CATALOGUE to train a network, or --from LABELS (with --model, --output) to learn from labels."
        )
    if auto_batch:
        refuse_found(asked, "batch", "--auto-batch finds the batch")
    from modiste.evaluation.metrics import report
    from modiste.terminal import progress
    from modiste.training.fit import fit, refuse_carving

    recipe, catalogue = recipe_of(variant, preset, seed, asked, epochs), asked.catalogue()
    refuse_carving(recipe, catalogue, asked.settings())
    with progress() as tell:
        manner = sitting.manner(asked.device, tell)
        if auto_batch:
            from modiste.training.trying import remembered_batch

            recipe = replace(recipe, batch=remembered_batch(recipe, catalogue, asked.runs, manner))
        run = fit(recipe, catalogue, asked.runs, manner)
    tables = [report(run.predictions(split), f"{run.folder.name} on {split}") for split in run.splits]
    show({"run": str(run.folder), "tables": [table.plain() for table in tables]}, tables, json, f"\nRun: {run.folder}")
    return None


def find_lr(
    variant: str,
    /,
    *,
    asked: Asked,
    preset: Preset = "paper",
    json: Json = False,
) -> None:
    """Suggest a learning rate: some hundred steps of a trial, each at a higher rate, and where the loss falls longest."""
    refuse_found(asked, "lr", "find-lr finds the learning rate")
    from modiste.terminal import progress
    from modiste.training.fit import refuse_carving
    from modiste.training.trying import rate_for

    recipe, catalogue = recipe_of(variant, preset, 0, asked, None), asked.catalogue()
    refuse_carving(recipe, catalogue, asked.settings())
    with progress() as tell:
        found = rate_for(recipe, catalogue, asked.runs, USUALLY.manner(asked.device, tell))
    show({"lr": found.lr, **found.table.plain()}, [found.table], json, f"\nTrain with it: --set lr={found.lr:g}")


def refuse_found(asked: Asked, key: str, what: str) -> None:
    """A setting that the command is to find is not given too."""
    for name, value in asked.settings().items():
        if name.removeprefix("recipe.") == key:
            raise UsageError(f"{what}, and --set {name}={value} gives it. Leave one of them away.")


def recipe_of(variant: str, preset: str, seed: int, asked: Asked, epochs: int | None) -> Recipe:
    """The recipe of one variant, changed as asked."""
    from modiste.api import prepared
    from modiste.studies.definitions import Study, variants

    chosen = Study(variant, "", variants(variant, preset=preset))
    ((_name, recipe),) = prepared(chosen, [seed], asked.settings(epochs), asked.weights).planned()
    return recipe


def variants(*, json: Json = False) -> None:
    """List the paper's networks, by their names in its Table 7, and how each is built."""
    from modiste.models.variants import VARIANTS
    from modiste.records.plain import to_plain
    from modiste.records.recipe import Network
    from modiste.records.table import Table

    plain = {name: to_plain(network) for name, network in VARIANTS.items()}
    usual = to_plain(Network())
    rows = [
        (name, ", ".join(f"{key}={value}" for key, value in settings.items() if value != usual[key])) for name, settings in plain.items()
    ]
    show(plain, [Table("Variants", ("Variant", "Differs from AlexNet (baseline) in"), tuple(rows))], json)


def doctor(*, runs: Runs = Path("runs"), json: Json = False) -> None:
    """Look at this machine: what is installed, what it computes with, and what to do about what is missing."""
    from modiste.doctor import examine

    table, healthy = examine(runs)
    show({"healthy": healthy, **table.plain()}, [table], json)
    if not healthy:
        raise SystemExit(5)


COMMANDS: tuple[Callable[..., None], ...] = (study, train, find_lr, variants)
