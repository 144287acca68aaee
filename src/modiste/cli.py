"""The door: commands read their arguments, call one function, and print. Heavy imports wait until a command runs."""

from __future__ import annotations

import json as json_format
import os
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Group, Parameter

from modiste import __version__
from modiste.records.errors import BadRows, MachineError, ModisteError, UsageError, missing_extra

DATA = Group("Photos", sort_key=1)
RECIPE = Group("Recipe", sort_key=2)
OUTPUT = Group("Where and how", sort_key=3)

Data = Annotated[Path, Parameter(group=DATA, help="The catalogue: a CSV in the paper's format or its folder, a folder a class, A100 JSON.")]
Format = Annotated[str | None, Parameter(group=DATA, help="paper, folders or a100; found out when left away.")]
ClassNames = Annotated[
    str | None, Parameter(group=DATA, help='The classes in the order of their codes: "Shoes,Clothing,Accessories,Bags".')
]
TaxonomyFile = Annotated[Path | None, Parameter(group=DATA, help="A taxonomy file of your own, for suggested labels.")]
Limit = Annotated[int | None, Parameter(group=DATA, help="Take about so many photos of each split: for a trial.")]
Set = Annotated[
    tuple[str, ...],
    Parameter(name="--set", group=RECIPE, negative="", help="Change a setting of every recipe: --set pixels.side=112 --set lr=0.001."),
]
Epochs = Annotated[int | None, Parameter(group=RECIPE, help="Epochs; the same as --set epochs=N.")]
ImageSize = Annotated[int | None, Parameter(group=RECIPE, help="Side of the pictures in px; the same as --set pixels.side=N.")]
Weights = Annotated[
    str | None, Parameter(group=RECIPE, help="Where ResNet-18 starts: imagenet, a .safetensors or .pth file, or none (from scratch).")
]
Runs = Annotated[Path, Parameter(group=OUTPUT, help="The folder of runs: what is finished there is not trained again.")]
Device = Annotated[str, Parameter(group=OUTPUT, help="auto, cpu, cuda or mps.")]
Json = Annotated[bool, Parameter(name="--json", negative="", group=OUTPUT, help="Print the answer as JSON.")]

app = App(
    name="modiste",
    version=__version__,
    help="Classify photos of fashion products, and repeat the study that asked which network does it best.",
    help_epilogue="First steps: `modiste data draw photos`, `modiste study paper --data photos --image-size 64 --epochs 1 --weights none`.",
    result_action="return_value",
    print_error=False,
    exit_on_error=False,
    help_on_error=False,
    suppress_keyboard_interrupt=False,
)
data = App(name="data", help="Look at catalogues, convert and split them, and get some to try.")
app.command(data)


@app.command
def study(
    name: str,
    /,
    *,
    data: Data,
    seeds: Annotated[str, Parameter(group=RECIPE, help="How many seeds (3 means 0, 1 and 2), or which: 0,4,7.")] = "",
    epochs: Epochs = None,
    image_size: ImageSize = None,
    set: Set = (),
    weights: Weights = None,
    limit: Limit = None,
    classes: ClassNames = None,
    format: Format = None,
    runs: Runs = Path("runs"),
    device: Device = "auto",
    dry_run: Annotated[bool, Parameter(negative="", group=OUTPUT, help="Say what would be done and how long it takes.")] = False,
    report_only: Annotated[bool, Parameter(negative="", group=OUTPUT, help="Train nothing; report on the runs that are finished.")] = False,
    json: Json = False,
) -> None:
    """Run what a study still lacks, then print its tables beside the paper's and write a report.

    NAME is paper, sound, pilot, or a TOML or YAML file of your own. A stopped study goes on when the command is given again.
    """
    from modiste.api import prepared
    from modiste.studies.finish import finish
    from modiste.studies.plan import plan
    from modiste.terminal import progress

    asked = prepared(name, parse_seeds(seeds), settings_of(set, epochs, image_size), weights)
    catalogue = read_catalogue(data, format, classes, None, limit)
    with progress() as tell:
        if dry_run:
            planned = plan(asked, catalogue, runs, where=device, tell=tell)
        else:
            finished = finish(asked, catalogue, runs, where=device, tell=tell, train=not report_only)
    if dry_run:
        show(planned.plain(), planned.tables, json)
        return
    plain = {"tables": [table.plain() for table in finished.tables], "report": str(finished.report), "unfinished": finished.lacking}
    show(plain, finished.tables, json, f"\nReport: {finished.report}")


@app.command
def train(
    variant: str,
    /,
    *,
    data: Data,
    preset: Annotated[str, Parameter(group=RECIPE, help="paper, or sound: a validation split, patience, the best epoch.")] = "paper",
    seed: Annotated[int, Parameter(group=RECIPE, help="The seed of everything that is random.")] = 0,
    epochs: Epochs = None,
    image_size: ImageSize = None,
    set: Set = (),
    weights: Weights = None,
    limit: Limit = None,
    classes: ClassNames = None,
    format: Format = None,
    runs: Runs = Path("runs"),
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Train one network and print its classification report.

    VARIANT is a name of Table 7: "AlexNet (baseline)", 3Conv_SVM, "Alex-CBAM(16&7)", Resnet-CBAM ... `modiste variants` lists them.
    """
    from modiste.api import prepared
    from modiste.evaluation.metrics import report
    from modiste.studies.definitions import Study, variants
    from modiste.terminal import progress
    from modiste.training.fit import fit

    chosen = Study(variant, "", variants(variant, preset=preset))
    asked = prepared(chosen, [seed], settings_of(set, epochs, image_size), weights)
    catalogue = read_catalogue(data, format, classes, None, limit)
    with progress() as tell:
        run = fit(asked.planned()[0][1], catalogue, runs, where=device, tell=tell)
    tables = [report(run.predictions(split), f"{run.folder.name} on {split}") for split in run.splits]
    show({"run": str(run.folder), "tables": [table.plain() for table in tables]}, tables, json, f"\nRun: {run.folder}")


@app.command
def evaluate(
    run: Path,
    /,
    *,
    data: Annotated[Path | None, Parameter(group=DATA, help="Photos to score; without it, the run's stored predictions.")] = None,
    split: Annotated[str | None, Parameter(group=DATA, help="Which split: test, or all of --data where none is test.")] = None,
    classes: ClassNames = None,
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

        catalogue = read_catalogue(data, format, classes, None, None)
        split = split or ("test" if len(catalogue.split("test")) else None)
        catalogue = catalogue if split is None else catalogue.split(split)
        with progress() as tell:
            predictions = score(Run(run), catalogue, device, tell)
    table = report(predictions, f"{run.name} on {split or data}")
    metrics = {name: metric(predictions) for name, metric in METRICS.items()}
    wrote = f"\nPredictions: {predictions.write(output)}" if output else ""
    show({"metrics": metrics, "confusion": predictions.confusion.tolist(), **table.plain()}, [table], json, wrote)


@app.command
def variants(*, json: Json = False) -> None:
    """List the networks of the paper's Table 7 and how each is built."""
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


@app.command
def doctor(*, runs: Runs = Path("runs"), json: Json = False) -> None:
    """Look at this machine: what is installed, what it computes with, and what to do about what is missing."""
    from modiste.doctor import examine

    table, healthy = examine(runs)
    show({"healthy": healthy, **table.plain()}, [table], json)
    if not healthy:
        raise SystemExit(5)


@data.command
def describe(
    where: Data,
    /,
    *,
    format: Format = None,
    classes: ClassNames = None,
    taxonomy: TaxonomyFile = None,
    json: Json = False,
) -> None:
    """Count the photos of each class and split."""
    from modiste.data.describe import describe as count

    catalogue = read_catalogue(where, format, classes, taxonomy, None)
    table = count(catalogue)
    plain = {"root": str(catalogue.root), "classes": list(catalogue.classes.names), **table.plain()}
    show(plain, [table], json, f"\nClasses: {catalogue.classes}")


@data.command
def convert(
    where: Data,
    to: Annotated[Path, Parameter(group=OUTPUT, help="A new or empty folder.")],
    /,
    *,
    write: Annotated[str, Parameter(group=OUTPUT, help="The format to write: paper or folders.")] = "paper",
    accept_suggestions: Annotated[
        bool, Parameter(negative="", group=DATA, help="Take suggested labels for labels where there are none.")
    ] = False,
    link: Annotated[
        bool, Parameter(negative="", group=OUTPUT, help="Link the photos instead of copying them, where the disk can.")
    ] = False,
    format: Format = None,
    classes: ClassNames = None,
    taxonomy: TaxonomyFile = None,
    json: Json = False,
) -> None:
    """Write a catalogue in another format, photos included. The original is not touched."""
    from modiste.data.split import accept
    from modiste.data.writers import WRITERS
    from modiste.records.errors import unknown

    if write not in WRITERS:
        raise unknown("format to write", write, WRITERS)
    catalogue = read_catalogue(where, format, classes, taxonomy, None)
    if accept_suggestions:
        catalogue = accept(catalogue)
    wrote = WRITERS[write](catalogue, to, not link)
    show({"wrote": str(wrote), "photos": len(catalogue)}, [], json, f"Wrote {len(catalogue)} photos to {wrote}")


@data.command
def split(
    where: Data,
    to: Annotated[Path, Parameter(group=OUTPUT, help="A new or empty folder; photos are linked where the disk can.")],
    /,
    *,
    shares: Annotated[str, Parameter(group=DATA, help="Shares of the splits.")] = "train=0.8,test=0.2",
    by_source: Annotated[bool, Parameter(negative="", group=DATA, help="By source, as the paper: AAT trains, LAT tests.")] = False,
    seed: Annotated[int, Parameter(group=DATA, help="The seed of the division.")] = 0,
    format: Format = None,
    classes: ClassNames = None,
    json: Json = False,
) -> None:
    """Divide a catalogue into splits: every class on each side, photos of one product together."""
    from modiste.data.describe import describe as count
    from modiste.data.split import by_source as divide_by_source
    from modiste.data.split import split as divide
    from modiste.data.writers import write_paper

    catalogue = read_catalogue(where, format, classes, None, None)
    made = divide_by_source(catalogue) if by_source else divide(catalogue, parse_shares(shares), seed)
    wrote = write_paper(made, to, False)
    table = count(made)
    show({"wrote": str(wrote), **table.plain()}, [table], json, f"\nWrote {wrote}")


@data.command
def draw(
    to: Annotated[Path, Parameter(group=OUTPUT, help="A new or empty folder.")],
    /,
    *,
    photos: Annotated[int, Parameter(group=DATA, help="How many.")] = 400,
    side: Annotated[int, Parameter(group=DATA, help="Their side in px.")] = 96,
    seed: Annotated[int, Parameter(group=DATA, help="Another seed draws other pictures.")] = 0,
    json: Json = False,
) -> None:
    """Draw a small catalogue of the four classes, to try things with."""
    from modiste.data.describe import describe as count
    from modiste.data.drawn import draw as draw_photos

    table = count(draw_photos(to, photos, side, seed))
    show({"wrote": str(to), **table.plain()}, [table], json, f"\nWrote {to}")


@data.command
def fetch(
    name: Annotated[str, Parameter(group=DATA, help="fashion-mnist: 70,000 grey pictures of Zalando's articles, 28 px.")],
    to: Annotated[Path, Parameter(group=OUTPUT, help="A new or empty folder.")],
    /,
    *,
    photos: Annotated[int, Parameter(group=DATA, help="Take so many of them, by chance.")] = 7000,
    source: Annotated[Path | None, Parameter(group=DATA, help="A folder that holds its four .gz files already.")] = None,
    seed: Annotated[int, Parameter(group=DATA, help="Another seed takes others.")] = 0,
    json: Json = False,
) -> None:
    """Get a public data set, its types mapped to the paper's classes."""
    from modiste.data.describe import describe as count
    from modiste.data.fashion_mnist import fetch as fetch_fashion_mnist

    if name != "fashion-mnist":
        raise UsageError(f"no data set called '{name}'. There is: fashion-mnist.")
    catalogue, origin = fetch_fashion_mnist(to, photos, seed, source, lambda words: print(words, file=sys.stderr, flush=True))
    table = count(catalogue)
    show({"wrote": str(to), "origin": origin, **table.plain()}, [table], json, f"\n{origin}\nWrote {to}")


def read_catalogue(where: Path, format: str | None, classes: str | None, taxonomy: Path | None, most: int | None) -> Any:
    """The catalogue at a place, cut to `most` photos a split when asked."""
    from modiste.data.readers import read
    from modiste.data.split import limit
    from modiste.data.taxonomy import read_taxonomy
    from modiste.records.labels import Classes

    catalogue = read(where, format, Classes.parse(classes) if classes else None, read_taxonomy(taxonomy) if taxonomy else None)
    return catalogue if most is None else limit(catalogue, most)


def settings_of(pairs: tuple[str, ...], epochs: int | None, image_size: int | None) -> dict[str, Any]:
    """--set key=value pairs and the two short options, as settings of a recipe."""
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"--set {pair}: write key=value, such as --set pixels.side=112.")
        settings[key.strip()] = value.strip()
    short = {"epochs": epochs, "pixels.side": image_size}
    return settings | {key: value for key, value in short.items() if value is not None}


def parse_seeds(text: str) -> list[int] | None:
    """'3' is the first three seeds, '0,4' are these, '' is the study's own.

    >>> parse_seeds("3"), parse_seeds("0,4"), parse_seeds("")
    ([0, 1, 2], [0, 4], None)
    """
    try:
        numbers = [int(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise UsageError(f"--seeds {text}: give a count such as 3, or a list such as 0,4,7.") from error
    if not numbers and not text.strip():
        return None
    if not numbers:
        raise UsageError(f"--seeds {text}: give a count such as 3, or a list such as 0,4,7.")
    if min(numbers) < 0 or (numbers == [0] and "," not in text):
        raise UsageError(f"--seeds {text}: a count is 1 or more, and a seed 0 or more ('0,' is the seed 0 alone).")
    return numbers if "," in text else list(range(numbers[0]))


def parse_shares(text: str) -> dict[str, float]:
    """'train=0.8,test=0.2' as a table of shares."""
    try:
        return {name.strip(): float(share) for name, share in (part.split("=") for part in text.split(","))}
    except ValueError as error:
        raise UsageError(f"--shares {text}: write them like train=0.8,test=0.2.") from error


def show(plain: Any, tables: Any, json: bool, after: str = "") -> None:
    """The answer on standard output: JSON, or tables and what comes after them."""
    if json:
        print(json_format.dumps(plain, ensure_ascii=False, indent=2))
        return
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    print("\n".join([*(table.text(room) for table in tables), *([after.removeprefix("" if tables else "\n")] if after else [])]))


def main() -> None:
    """Run a command; a mistake of the user's is told in words and by exit code, without a traceback."""
    json = "--json" in sys.argv
    try:
        app(sys.argv[1:])
        sys.stdout.flush()
    except CycloptsError as error:
        complain(UsageError(f"{error}\n`modiste --help` lists the commands, `modiste COMMAND --help` their options."), json)
    except ModisteError as error:
        complain(error, json)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in TRAIN_EXTRA:
            raise
        complain(missing_extra(error.name, "train", "this command"), json)
    except OSError as error:
        if isinstance(error, BrokenPipeError):  # `modiste ... | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(141)
        complain(MachineError(f"{error.filename or 'the system'}: {error.strerror or error}."), json)
    except KeyboardInterrupt:
        print("\nStopped. What was finished is kept; the same command goes on from there.", file=sys.stderr)
        sys.exit(130)


TRAIN_EXTRA = ("torch", "torchvision", "sklearn", "safetensors", "matplotlib")


def complain(error: ModisteError, json: bool) -> None:
    """The error in words on standard error, or as JSON on standard output with every bad row."""
    if json:
        rows = [vars(row) for row in error.rows] if isinstance(error, BadRows) else []
        print(json_format.dumps({"error": str(error), "rows": rows}, ensure_ascii=False, indent=2))
    else:
        print(f"modiste: {error}", file=sys.stderr)
    sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
