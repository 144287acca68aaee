"""What commands share: their options, how a catalogue is read, how an answer is shown."""

from __future__ import annotations

import json as json_format
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter

from modiste.records.errors import UsageError
from modiste.records.launch import follows

FILES = {".html", ".csv", ".json", ".jsonl", ".md", ".pdf", ".png", ".svg", ".tex", ".txt", ".parquet", ".onnx"}


def names_a_folder(_type: object, place: Path | None) -> None:
    """Where an option takes a folder: "report.html" was meant as a file, and a folder of that name would surprise.

    >>> names_a_folder(Path, Path("report.html"))
    Traceback (most recent call last):
    ValueError: report.html names a file, and a folder is written here: several files. Give a folder's name.
    """
    if place is not None and place.suffix.lower() in FILES and not place.is_dir():
        raise ValueError(f"{place} names a file, and a folder is written here: several files. Give a folder's name.")


DATA = Group("Photos", sort_key=1)
RECIPE = Group("Recipe", sort_key=2)
OUTPUT = Group("Where and how", sort_key=3)

Data = Annotated[
    Path,
    Parameter(group=DATA, help="The catalogue: a folder, a .zip, .tar or .parquet file, a label file. `modiste data formats` lists all."),
]
Format = Annotated[
    str | None,
    Parameter(group=DATA, help="The layout; found out when left away. `modiste data formats` lists them."),
]
ClassNames = Annotated[
    str | None, Parameter(group=DATA, help='The classes in the order of their codes: "Shoes,Clothing,Accessories,Bags".')
]
TaxonomyFile = Annotated[Path | None, Parameter(group=DATA, help="A taxonomy file of your own, for suggested labels.")]
Level = Annotated[
    str, Parameter(group=DATA, help="Suggest classes of the taxonomy at this level: class, group or type (the finer, the more classes).")
]
Label = Annotated[str | None, Parameter(group=DATA, help="Take labels from this column, such as article_type: its values are the classes.")]
Limit = Annotated[int | None, Parameter(group=DATA, help="Take about so many photos of each split: for a trial.")]
Set = Annotated[
    tuple[str, ...],
    Parameter(name="--set", group=RECIPE, negative="", help="Change a setting of every recipe: --set pixels.side=112 --set lr=0.001."),
]
Epochs = Annotated[int | None, Parameter(group=RECIPE, help="Epochs; the same as --set epochs=N.")]
ImageSize = Annotated[int | None, Parameter(group=RECIPE, help="Side of the pictures in px; the same as --set pixels.side=N.")]
Preset = Annotated[str, Parameter(group=RECIPE, help="paper, or sound: a validation split, patience, the best epoch.")]
Weights = Annotated[
    str | None, Parameter(group=RECIPE, help="Where ResNet-18 starts: imagenet, a .safetensors or .pth file, or none (from scratch).")
]
Runs = Annotated[Path, Parameter(group=OUTPUT, help="The folder of runs: what is finished there is not trained again.")]
Device = Annotated[str, Parameter(group=OUTPUT, help="auto, cpu, cuda or mps.")]
MaxTime = Annotated[
    str | None,
    Parameter(group=OUTPUT, help="Stop after so long (90s, 45m, 2h, 1h30m), at the next step; the same command goes on from there."),
]
Log = Annotated[
    tuple[str, ...], Parameter(group=OUTPUT, negative="", help="Tell each epoch to tensorboard or mlflow too; may be given twice.")
]
Json = Annotated[bool, Parameter(name="--json", negative="", group=OUTPUT, help="Print the answer as JSON.")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Asked:
    """What every command that trains is asked: which photos, which changes of the recipe, where to work."""

    data: Data
    image_size: ImageSize = None
    set: Set = ()
    weights: Weights = None
    limit: Limit = None
    classes: ClassNames = None
    label: Label = None
    format: Format = None
    runs: Runs = Path("runs")
    device: Device = "auto"

    def catalogue(self) -> Any:
        return read_catalogue(self.data, self.format, self.classes, None, self.limit, label=self.label)

    def settings(self, epochs: int | None = None) -> dict[str, Any]:
        return settings_of(self.set, epochs, self.image_size)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class AskedToTrain(Asked):
    """`Asked`, where labels may say themselves where their photos are."""

    data: Annotated[
        Path | None,
        Parameter(group=DATA, help="The catalogue: a folder, a .zip, .tar or .parquet file, a label file; with --from: a table's photos."),
    ] = None  # type: ignore[assignment]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Sitting:
    """How long to train now, and whom to tell."""

    max_time: MaxTime = None
    log: Log = ()

    def manner(self, device: str, tell: Any) -> Any:
        """How to train, for the API; the time begins now."""
        from modiste.api import manner_of

        return manner_of(device, seconds_of(self.max_time), self.log, tell)


NOT_ASKED, USUALLY = AskedToTrain(), Sitting()


def read_catalogue(
    where: Path,
    format: str | None,
    classes: str | None,
    taxonomy: Path | None,
    most: int | None,
    level: str = "class",
    label: str | None = None,
) -> Any:
    """The catalogue at a place, labelled by a column and cut to `most` photos a split when asked."""
    from modiste.data.layouts.readers import read
    from modiste.data.relabel import read_labelled_by
    from modiste.data.split import limit
    from modiste.data.taxonomy import read_taxonomy
    from modiste.records.labels import Classes

    declared = Classes.parse(classes) if classes else None
    if label is None:
        catalogue = read(where, format, declared, read_taxonomy(taxonomy, level))
    else:
        catalogue = read_labelled_by(where, format, label, declared, read_taxonomy(taxonomy, level))
    return catalogue if most is None else limit(catalogue, most)


def only_with(owner: str, given: bool, others: Mapping[str, Any]) -> None:
    """Refuse options that say nothing where another one is not given: none is ignored silently.

    >>> only_with("--data", False, {"--limit": 5, "--label": None})
    Traceback (most recent call last):
    modiste.records.errors.UsageError: --limit goes with --data. Give that too, or leave --limit away.
    """
    said = [option for option, value in others.items() if value is not None]
    if said and not given:
        raise UsageError(f"{' and '.join(said)} {'goes' if len(said) == 1 else 'go'} with {owner}. Give that too, or leave {said[0]} away.")


def settings_of(pairs: tuple[str, ...], epochs: int | None, image_size: int | None) -> dict[str, Any]:
    """--set key=value pairs and the two short options, as settings of a recipe."""
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"--set {pair}: write key=value, such as --set pixels.side=112.")
        if settings.get(key.strip(), value.strip()) != value.strip():
            raise UsageError(f"--set {pair} and --set {key.strip()}={settings[key.strip()]}: they are one setting. Give one of them.")
        settings[key.strip()] = value.strip()
    short = {"epochs": ("--epochs", epochs), "pixels.side": ("--image-size", image_size)}
    for key, (option, number) in short.items():
        if number is not None and settings.get(key, str(number)) != str(number):
            raise UsageError(f"{option} {number} and --set {key}={settings[key]}: they are one setting. Give one of them.")
    return settings | {key: number for key, (_, number) in short.items() if number is not None}


def seconds_of(text: str | None) -> float | None:
    """A length of time in seconds.

    >>> seconds_of("1h30m"), seconds_of("90"), seconds_of(None)
    (5400.0, 90.0, None)
    """
    if text is None:
        return None
    found = re.fullmatch(r"(?:([\d.]+)h)?(?:([\d.]+)m)?(?:([\d.]+)s?)?", text.replace(" ", ""))
    try:
        seconds = sum(float(part or 0) * unit for part, unit in zip(found.groups(), (3600, 60, 1), strict=True)) if found else 0.0
    except ValueError:  # 1.2.3
        seconds = 0.0
    if seconds <= 0:
        raise UsageError(f"--max-time {text}: give a length of time such as 90s, 45m or 1h30m.")
    return seconds


MOST_SEEDS = 100  # nobody trains every network so often: more is a seed, typed as if it were one


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
    if "," not in text and numbers[0] > MOST_SEEDS:
        raise UsageError(
            f"--seeds {text}: that counts {numbers[0]:,} seeds. For the seed {numbers[0]} alone write '{numbers[0]},' with the comma."
        )
    return numbers if "," in text else list(range(numbers[0]))


def parse_shares(text: str) -> dict[str, float]:
    """'train=0.8,test=0.2' as a table of shares."""
    try:
        pairs = [(name.strip(), float(share)) for name, share in (part.split("=") for part in text.split(","))]
    except ValueError as error:
        raise UsageError(f"--shares {text}: write them like train=0.8,test=0.2.") from error
    if len(dict(pairs)) < len(pairs):
        raise UsageError(f"--shares {text}: each split once.")
    return dict(pairs)


def show(plain: Any, tables: Any, json: bool, after: str = "") -> None:
    """The answer on standard output: JSON, or tables and what comes after them."""
    if follows():
        return
    if json:
        print(json_text(plain))
        return
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    said = [harmless(after.removeprefix("" if tables else "\n"))] if after else []
    print("\n".join([*(table.text(room) for table in tables), *said]))


def json_text(plain: Any) -> str:
    """JSON that is UTF-8 wherever it is printed: all in escapes where standard output is another, or a name's bytes are not."""
    text = json_format.dumps(plain, ensure_ascii=False, indent=2)
    try:
        text.encode()
        readable = (sys.stdout.encoding or "").lower() in ("utf-8", "utf8")
    except UnicodeEncodeError:
        readable = False
    return text if readable else json_format.dumps(plain, indent=2)


def harmless(text: str) -> str:
    r"""Lines without control characters, which a terminal would obey: names of files may hold some.

    >>> harmless("a\x1b[31mb.jpg: empty\n  c")
    'a [31mb.jpg: empty\n  c'
    """
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", " ", text)
