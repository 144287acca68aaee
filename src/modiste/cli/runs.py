"""Commands about finished runs: what they say of photos, and how far that can be trusted."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from modiste.cli.words import (
    DATA,
    OUTPUT,
    ClassNames,
    Data,
    Device,
    Format,
    Json,
    Label,
    Limit,
    names_a_folder,
    only_with,
    read_catalogue,
    show,
)
from modiste.records.errors import UsageError
from modiste.records.own import begins_with, refuse_inside, refuse_others
from modiste.records.plain import fingerprint


def evaluate(
    run: Path,
    /,
    *,
    data: Annotated[Path | None, Parameter(group=DATA, help="Photos to score; without it, the run's stored predictions.")] = None,
    split: Annotated[str | None, Parameter(group=DATA, help="Which split: test, or all of --data where none is test.")] = None,
    classes: ClassNames = None,
    label: Label = None,
    format: Format = None,
    by: Annotated[str | None, Parameter(group=DATA, help="Slices too, by this column of --data: source, colour, article_type ...")] = None,
    mix: Annotated[
        tuple[str, ...],
        Parameter(group=OUTPUT, negative="", help='What it reaches where classes are mixed so: "Hats=0.2,Bags=0.8"; may be given twice.'),
    ] = (),
    find_mix: Annotated[
        bool, Parameter(group=OUTPUT, negative="", help="Find the photos' class mix without their labels, and put the calls right for it.")
    ] = False,
    confidence: Annotated[
        bool, Parameter(group=OUTPUT, negative="", help="Whether it is as right as it is sure, and what to leave to people.")
    ] = False,
    output: Annotated[Path | None, Parameter(name=("--output", "-o"), group=OUTPUT, help="Write the predictions to this CSV file.")] = None,
    device: Annotated[str | None, Parameter(group=OUTPUT, help="What to score --data with: auto, cpu, cuda or mps.")] = None,
    json: Json = False,
) -> None:
    """Print the classification report of a run: on the photos it was tested with, or on others."""
    from modiste.evaluation.closer import confidence_of, counted_on, found_mix_of, mixes_of, slices_of
    from modiste.evaluation.metrics import METRICS, report
    from modiste.records.run import Run
    from modiste.terminal import progress

    catalogue: Any = None
    for option, value in {"--by": by, "--classes": classes, "--label": label, "--format": format}.items():
        if value and data is None:
            raise UsageError(f"{option} {value}: without --data the stored predictions are shown as they are. Give it with --data.")
    only_with("--data", data is not None, {"--device": device})
    if output:
        refuse_written_over(output, run)
    if find_mix:
        counted_on(Run(run), split)  # says at once what it cannot be found of
    if data is None:
        split = split or "test"
        predictions = Run(run).predictions(split)
    else:
        from modiste.data.split import part_asked
        from modiste.training.model import evaluate as score

        catalogue = read_catalogue(data, format, classes, None, None, label=label)
        if output:
            refuse_inside(output, catalogue.root, "--output")
        split = split or ("test" if len(catalogue.split("test")) else None)
        catalogue = part_asked(catalogue, split)
        with progress() as tell:
            predictions = score(Run(run), catalogue, device or "auto", tell)
    table = report(predictions, f"{run.name} on {split or data}")
    metrics = {name: metric(predictions) for name, metric in METRICS.items()}
    closer = {"slices": slices_of(Run(run), predictions, catalogue, by)} if by else {}
    closer |= {"mixes": mixes_of(predictions, mix)} if mix else {}
    closer |= {"found_mix": found_mix_of(Run(run), predictions, split)} if find_mix else {}
    words: list[str] = []
    if confidence:
        closer["calibration"], words = confidence_of(Run(run), predictions, split)
    wrote = f"\nPredictions: {predictions.write(output)}" if output else ""
    plain = {"metrics": metrics, "confusion": predictions.confusion.tolist(), **table.plain()}
    plain |= {name: one.plain() for name, one in closer.items()} | ({"people": words} if confidence else {})
    show(plain, [table, *closer.values()], json, "".join(f"\n{line}" for line in words) + wrote)


def refuse_written_over(output: Path, run: Path) -> None:
    """Predictions go to a new file or over older ones: never over photos, labels, or what a run holds."""
    refuse_inside(output, run, "--output")
    refuse_others(output, lambda path: begins_with(path, "photo,truth,called,"), "modiste evaluate")


def compare(
    runs: Annotated[tuple[str, ...], Parameter(negative="", help="Folders of finished runs, or CSV files of predictions; NAME=PLACE.")],
    /,
    *,
    measure: Annotated[str, Parameter(group=OUTPUT, help='What to compare by: macro_f1, accuracy, "recall of Bags" ...')] = "macro_f1",
    split: Annotated[str | None, Parameter(group=DATA, help="Which split's predictions of the runs: test.")] = None,
    level: Annotated[float, Parameter(group=OUTPUT, help="Of the intervals, and 1 less it of the tests.")] = 0.95,
    write: Annotated[
        Path | None,
        Parameter(group=OUTPUT, validator=names_a_folder, help="Write the tables (md, csv, tex, html) and figures to this folder."),
    ] = None,
    json: Json = False,
) -> None:
    """Say which of some runs is best and which cannot be told apart: intervals, paired tests, ranks.

    All must have been tested on the same photos. Runs whose recipes differ in the seed alone are seeds of one model.
    """
    from modiste.comparisons import compare as compared
    from modiste.comparisons import place_of

    only_with("the folder of a run", not all(place_of(run)[0].is_file() for run in runs), {"--split": split})
    found = compared(runs, measure, split=split or "test", level=level)
    wrote = f"\n\nTables and figures: {found.write(write)}" if write else ""
    show(None if not json else found.plain(), list(found.tables.values()), json, f"\n{found.verdict}{wrote}")


def runs(folder: Path = Path("runs"), /, *, json: Json = False) -> None:
    """List the runs in a folder: their settings, photos, macro F1, size, and which are not finished."""
    from modiste.comparisons import runs_table

    table = runs_table(folder)
    show(table.plain(), [table], json)


def reproduce(
    run: Path,
    /,
    *,
    data: Data,
    weights: Annotated[Path | None, Parameter(group=DATA, help="Where the file that the run began from lies now.")] = None,
    limit: Limit = None,
    classes: ClassNames = None,
    label: Label = None,
    format: Format = None,
    anyway: Annotated[bool, Parameter(negative="", group=DATA, help="Go on with other photos or weights than the run had.")] = False,
    runs: Annotated[Path, Parameter(group=OUTPUT, help="The folder to train the repeat in: not the run's own.")] = Path("reproduced"),
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Train a finished run again from its folder, and say whether the numbers agree: exit code 0 where they do, else 3.

    RUN is its folder, which is only read. Stopped, it goes on when the command is given again.
    """
    from modiste.api import manner_of
    from modiste.studies.reproduce import reproduce as repeated
    from modiste.terminal import progress

    catalogue = read_catalogue(data, format, classes, None, limit, label=label)
    with progress() as tell:
        found = repeated(run, catalogue, runs, manner_of(device, None, (), tell), weights=weights, anyway=anyway)
    show(found.plain(), found.tables, json, f"\n{found.verdict}\nRepeat: {found.repeat.folder}")
    if not found.agrees:
        raise SystemExit(3)


def explain(
    run: Path,
    /,
    *,
    data: Data,
    split: Annotated[str | None, Parameter(group=DATA, help="Which split: test, or all of --data where none is test.")] = None,
    methods: Annotated[
        str, Parameter(group=OUTPUT, help="grad_cam, grad_cam_plus_plus, attention (CBAM's own), occlusion (slow), with commas between.")
    ] = "",
    photos: Annotated[int, Parameter(group=OUTPUT, help="Photos shown under each heading.")] = 6,
    checked: Annotated[int, Parameter(group=OUTPUT, help="Photos drawn at random for the checks.")] = 100,
    by: Annotated[str | None, Parameter(group=OUTPUT, help="Show photos by class or by mistake alone.")] = None,
    maps: Annotated[bool, Parameter(negative="", group=OUTPUT, help="Write the maps of the shown photos as PNG files too.")] = False,
    output: Annotated[
        Path | None,
        Parameter(
            name=("--output", "-o"), group=OUTPUT, validator=names_a_folder, help="The folder to write to: explained/RUN when left away."
        ),
    ] = None,
    seed: Annotated[int, Parameter(group=OUTPUT, help="The seed of the draws.")] = 0,
    classes: ClassNames = None,
    label: Label = None,
    format: Format = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Show where a run's network looks in photos, and check whether the maps can be believed; write a page and explained.json.

    Grad-CAM, and CBAM's own gates where there are some. Does a map rank pixels better than chance, does it change when the network
    forgets, does it lie on the product or on the background?
    """
    from modiste.explanations import explain as explained
    from modiste.terminal import progress

    catalogue = read_catalogue(data, format, classes, None, None, label=label)
    asked = [name.strip().replace("-", "_") for name in methods.split(",") if name.strip()]
    with progress() as tell:
        done = explained(
            run,
            catalogue,
            output,
            split=split,
            methods=asked,
            photos=photos,
            checked=checked,
            by=by,
            maps=maps,
            device=device,
            seed=seed,
            command=["modiste", *sys.argv[1:]],
            tell=tell,
        )
    wrote = f"\nPage: {done.page}\nNumbers: {done.folder / 'explained.json'}"
    wrote += f"\nMaps: {done.folder / 'maps'}" if maps else ""
    show({"page": str(done.page), **done.plain}, done.tables, json, "\n" + "\n".join(done.summary) + "\n" + wrote)


def robustness(
    runs: Annotated[tuple[Path, ...], Parameter(negative="", help="Folders of finished runs.")],
    /,
    *,
    data: Data,
    split: Annotated[str | None, Parameter(group=DATA, help="Which split: test, or all of --data where none is test.")] = None,
    limit: Limit = None,
    classes: ClassNames = None,
    label: Label = None,
    format: Format = None,
    corruptions: Annotated[str, Parameter(group=OUTPUT, help="Which, such as blur,jpeg; without it, all eight.")] = "",
    severities: Annotated[str, Parameter(group=OUTPUT, help="Which of 1 (mild) to 5 (grave).")] = "1,2,3,4,5",
    measure: Annotated[str, Parameter(group=OUTPUT, help='What to measure: macro_f1, accuracy, "recall of Bags" ...')] = "macro_f1",
    output: Annotated[
        Path | None,
        Parameter(
            name=("--output", "-o"),
            group=OUTPUT,
            validator=names_a_folder,
            help="Folder for tables, figures and what is done so far: robustness/RUN when left away.",
        ),
    ] = None,
    seed: Annotated[int, Parameter(group=OUTPUT, help="The seed of the corruptions' chance.")] = 0,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Say what corrupted photos cost: blur, JPEG, noise, too much or too little light, low contrast, colour cast, down-scaling.

    Goes on where it was stopped when the command is given again.
    """
    from modiste.studies.corrupting import corrupted_runs
    from modiste.terminal import progress

    catalogue = read_catalogue(data, format, classes, None, limit, label=label)
    with progress() as tell:
        done = corrupted_runs(
            runs,
            catalogue,
            output or Path("robustness") / robustness_name(runs, limit),
            measured=measure,
            split=split,
            corruptions=[name.strip().replace("-", "_") for name in corruptions.split(",") if name.strip()],
            severities=parse_severities(severities),
            seed=seed,
            where=device,
            tell=tell,
        )
    show(done.plain(), list(done.tables.values()), json, f"\nTables, curves and predictions: {done.folder}")


def robustness_name(runs: tuple[Path, ...], limit: int | None) -> str:
    """A folder's name for a trial of runs, so that another trial does not write over it.

    >>> robustness_name((Path("runs/alexnet-seed0"),), 100)
    'alexnet-seed0-100-photos'
    >>> robustness_name((Path("runs/alexnet-seed0"), Path("runs/alexnet-seed1")), None)
    'alexnet-seed0-and-1-more-0e8495'
    """
    others = f"-and-{len(runs) - 1}-more-{fingerprint([run.resolve().name for run in runs])[:6]}" if len(runs) > 1 else ""
    return f"{runs[0].resolve().name}{others}{'' if limit is None else f'-{limit}-photos'}"


def parse_severities(text: str) -> list[int]:
    """Severities as they are typed: each once, mild ones first.

    >>> parse_severities("3, 1")
    [1, 3]
    """
    try:
        return sorted({int(part) for part in text.split(",")})
    except ValueError as error:
        raise UsageError(f"--severities {text}: write numbers from 1 to 5 with commas between, such as 1,3,5.") from error


COMMANDS: tuple[Callable[..., None], ...] = (runs, evaluate, compare, reproduce, explain, robustness)
