"""Commands about finished runs: what they say of photos, and how far that can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from modiste.cli.words import DATA, OUTPUT, ClassNames, Device, Format, Json, Label, read_catalogue, show


def evaluate(
    run: Path,
    /,
    *,
    data: Annotated[Path | None, Parameter(group=DATA, help="Photos to score; without it, the run's stored predictions.")] = None,
    split: Annotated[str | None, Parameter(group=DATA, help="Which split: test, or all of --data where none is test.")] = None,
    classes: ClassNames = None,
    label: Label = None,
    format: Format = None,
    output: Annotated[Path | None, Parameter(group=OUTPUT, help="Write the predictions to this CSV file.")] = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Print the classification report of a run: on the photos it was tested with, or on others."""
    from modiste.evaluation.metrics import METRICS, report
    from modiste.records.run import Run
    from modiste.terminal import progress

    if data is None:
        split = split or "test"
        predictions = Run(run).predictions(split)
    else:
        from modiste.training.model import evaluate as score

        catalogue = read_catalogue(data, format, classes, None, None, label=label)
        split = split or ("test" if len(catalogue.split("test")) else None)
        catalogue = catalogue if split is None else catalogue.split(split)
        with progress() as tell:
            predictions = score(Run(run), catalogue, device, tell)
    table = report(predictions, f"{run.name} on {split or data}")
    metrics = {name: metric(predictions) for name, metric in METRICS.items()}
    wrote = f"\nPredictions: {predictions.write(output)}" if output else ""
    show({"metrics": metrics, "confusion": predictions.confusion.tolist(), **table.plain()}, [table], json, wrote)


COMMANDS: tuple[Callable[..., None], ...] = (evaluate,)
