"""Commands about models for use: a run made a bundle, and models beside one another in speed, size and accuracy."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from modiste.cli.label import SHOWN, pixels_said
from modiste.cli.words import DATA, OUTPUT, ClassNames, Format, Json, Label, Limit, only_with, read_catalogue, show
from modiste.records.errors import ModisteError, missing_extra


def export(
    run: Path,
    /,
    *,
    to: Annotated[
        str,
        Parameter(
            group=OUTPUT, help="onnx (fp32), onnx-fp16 (half the file), onnx-int8 (a quarter, and quicker), onnx-int8-vnni, openvino."
        ),
    ] = "onnx",
    output: Annotated[
        Path | None, Parameter(name=("--output", "-o"), group=OUTPUT, help="The file to write: NAME.onnx or NAME.xml when left away.")
    ] = None,
    name: Annotated[str | None, Parameter(group=OUTPUT, help="What results will call it: the network and the kind when left away.")] = None,
    data: Annotated[
        Path | None, Parameter(group=DATA, help="The catalogue the run was trained on: to calibrate by, and to check the export with.")
    ] = None,
    evidence: Annotated[
        str,
        Parameter(group=DATA, help="The split that confidence and thresholds are taken from: validation, or test, which the card says."),
    ] = "validation",
    usual: Annotated[
        float | None, Parameter(group=DATA, help="With --data: the share of those photos that are not to be rejected as strange: 0.99.")
    ] = None,
    reject: Annotated[
        str | None, Parameter(group=DATA, help="A class that stands for what is no product: it makes photos strange, and is not called.")
    ] = None,
    limit: Limit = None,
    classes: ClassNames = None,
    label: Label = None,
    format: Format = None,
    about: Annotated[
        Path | None, Parameter(group=OUTPUT, help="A markdown file for the model card: where the photos come from, who may use it.")
    ] = None,
    anyway: Annotated[bool, Parameter(negative="", group=OUTPUT, help="Write it although it does not say what the run says.")] = False,
    json: Json = False,
) -> None:
    """Make one file of a run that answers without torch: network, classes, pixels, confidence and a model card.

    RUN is its folder. The export is held against the run first; one that says other things is not written: exit code 3.
    """
    only_with("--data", data is not None, {"--usual": usual, "--limit": limit, "--classes": classes, "--label": label, "--format": format})
    for package in ("torch", "onnx", "onnxscript"):
        if find_spec(package) is None:
            raise missing_extra(package, "export", "an export")
    from modiste.exporting.export import export as exported
    from modiste.terminal import progress

    catalogue: Any = None if data is None else read_catalogue(data, format, classes, None, limit, label=label)
    with progress() as tell:
        made = exported(
            run,
            to,
            output,
            catalogue,
            evidence=evidence,
            usual=0.99 if usual is None else usual,
            reject=reject,
            name=name,
            about=text_of(about),
            anyway=anyway,
            tell=tell,
        )
    show(made.plain(), [], json, "\n" + "\n".join(made.words))
    if made.written is None:
        raise SystemExit(3)


def text_of(about: Path | None) -> str:
    """What a markdown file says; '' without one."""
    if about is None:
        return ""
    try:
        return about.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ModisteError(f"--about {about} cannot be read as UTF-8 text: {error}.") from error


def benchmark(
    models: Annotated[
        tuple[Path, ...], Parameter(negative="", help="Runs, bundles, ONNX files, OpenVINO's .xml files; ratios to the first.")
    ],
    /,
    *,
    data: Annotated[Path | None, Parameter(group=DATA, help="Labelled photos: how right each is, and whether they agree.")] = None,
    limit: Limit = None,
    classes: Annotated[
        str | None,
        Parameter(group=DATA, help="The classes in the order of their codes, of --data and of ONNX files that do not say theirs."),
    ] = None,
    label: Label = None,
    format: Format = None,
    set: Annotated[
        tuple[str, ...],
        Parameter(
            name="--set",
            group=DATA,
            negative="",
            help=SHOWN.replace("such a file", "ONNX files that others made"),
        ),
    ] = (),
    threads: Annotated[int | None, Parameter(group=OUTPUT, help="Threads of each model; one a processor when left away.")] = None,
    rounds: Annotated[int, Parameter(group=OUTPUT, help="How often each is timed, in turn with the others.")] = 7,
    output: Annotated[Path | None, Parameter(name=("--output", "-o"), group=OUTPUT, help="Write the table to this CSV file too.")] = None,
    json: Json = False,
) -> None:
    """Measure models beside one another: size, time to the first answer, memory, latency, photos a second, and with --data accuracy."""
    only_with("--data", data is not None, {"--limit": limit, "--label": label, "--format": format})
    from modiste.exporting.speed import Settings
    from modiste.exporting.speed import benchmark as measured
    from modiste.records.disk import write_text
    from modiste.records.labels import Classes
    from modiste.terminal import progress

    catalogue: Any = None if data is None else read_catalogue(data, format, classes, None, limit, label=label)
    if output:
        check_table(output, models, catalogue)
    settings = Settings(threads, rounds, Classes.parse(classes).names if classes else None, pixels_said(set))
    with progress() as tell:
        table = measured(models, catalogue, settings, tell)
    wrote = f"\nTable: {write_text(output, table.csv())}" if output else ""
    show(table.plain(), [table], json, wrote)


def check_table(output: Path, models: tuple[Path, ...], catalogue: Any) -> None:
    """A table goes to a new file or over an earlier one: not over what is somebody else's, nor among photos or into a run."""
    from modiste.exporting.speed import COLUMNS
    from modiste.records.own import begins_with, refuse_inside, refuse_others

    for model in models:
        if model.is_dir():
            refuse_inside(output, model, "--output")
    if catalogue is not None:
        refuse_inside(output, catalogue.root, "--output")
    refuse_others(output, lambda path: begins_with(path, ",".join(COLUMNS[:3])), "modiste benchmark")


COMMANDS: tuple[Callable[..., None], ...] = (export, benchmark)
