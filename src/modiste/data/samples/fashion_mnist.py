"""Fashion-MNIST as a catalogue: found on this machine or fetched, then a sample written in the paper's format."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from modiste.data.layouts.fashion_mnist_files import CLASSES, TYPES
from modiste.data.layouts.labels_csv import label_lines, write_labels
from modiste.data.layouts.placing import whole
from modiste.data.layouts.readers import read
from modiste.data.opening.idx import Bytes, idx_values
from modiste.data.split import checked_seed
from modiste.data.taxonomy import read_taxonomy
from modiste.records.catalogue import TEST, TRAIN, Catalogue, Photo
from modiste.records.errors import MachineError, ModisteError

FILES = {TRAIN: ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", 60_000),
         TEST: ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz", 10_000)}  # fmt: skip
INSTALLED = Path("/usr/share/datasets/fashion-mnist")  # where Debian's package puts it
PACKAGE = "dataset-fashion-mnist"
SILENCE_SECONDS = 10  # a server that says nothing for so long is given up
DOWNLOAD_SECONDS = 600

Progress = Callable[[str], None]


class NotFoundHereError(Exception):
    """One place did not give the files; the message says why, and the next place is tried."""


def fetch(to: Path, photos: int, seed: int, source: Path | None, progress: Progress) -> tuple[Catalogue, str]:
    """A random sample of Fashion-MNIST in a new folder, train and test 6 : 1, each type as often as any other.

    Its ten types are mapped to Shoes, Clothing and Bags; the type stays in the column article_type.
    Also returned: a sentence that says where the pictures came from.
    """
    if not 70 <= photos <= 70_000:
        raise ModisteError(f"{photos} photos cannot be taken from Fashion-MNIST: it takes 70 or more, and 70000 at most.")
    checked_seed(seed)
    with whole(to) as beside, tempfile.TemporaryDirectory(prefix="modiste-") as scratch:
        beside.mkdir(parents=True)
        folder, sentence = find(Path(scratch), source, progress)
        progress(f"writing {photos} pictures to {to}")
        tested = round(photos / 7)
        written = [
            photo
            for split, count in ((TRAIN, photos - tested), (TEST, tested))
            for photo in write_split(folder, beside, split, count, seed)
        ]
        write_labels(label_lines(Catalogue(to, CLASSES, tuple(written))), CLASSES, beside)
    return read(to, "paper", CLASSES), sentence


def find(scratch: Path, source: Path | None, progress: Progress) -> tuple[Path, str]:
    """The folder with the four files, and where it came from: the first of PLACES that gives them, or only `source`."""
    if source is not None:
        lacking = absent(source)
        if lacking:
            raise ModisteError(f"{source} lacks {', '.join(lacking)}. Give the folder that holds Fashion-MNIST's four .gz files.")
        return source, f"Fashion-MNIST from {source}."
    tried = []
    for name, get in PLACES.items():
        try:
            progress(f"looking for Fashion-MNIST: {name}")
            folder = get(scratch)
            lacking = absent(folder)
            if not lacking:
                return folder, f"Fashion-MNIST from {name}."
            tried.append(f"{name}: {folder} lacks {', '.join(lacking)}")
        except NotFoundHereError as reason:
            tried.append(f"{name}: {reason}")
    listed = "\n".join(f"  {line}" for line in tried)
    raise MachineError(
        f"Fashion-MNIST was found nowhere:\n{listed}\nPut its four .gz files into a folder and give that folder as the source."
    )


def absent(folder: Path) -> list[str]:
    return [name for images, labels, _ in FILES.values() for name in (images, labels) if not (folder / name).is_file()]


def installed(_scratch: Path) -> Path:
    if not INSTALLED.is_dir():
        raise NotFoundHereError(f"{INSTALLED} is not there (the package {PACKAGE} is not installed)")
    return INSTALLED


def downloaded(scratch: Path) -> Path:
    """The files through torchvision's own downloader, which checks their MD5."""
    try:
        from torchvision.datasets import FashionMNIST
    except ImportError as error:
        raise NotFoundHereError("torchvision is not installed") from error
    try:
        with short_patience():
            FashionMNIST(str(scratch), download=True)
    except (OSError, RuntimeError) as error:
        said = " ".join(str(error).split())
        raise NotFoundHereError(f"the network is closed or the server does not answer ({said})") from error
    return scratch / "FashionMNIST" / "raw"


@contextmanager
def short_patience() -> Iterator[None]:
    """Connections that give up after a short silence; torchvision's wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENCE_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def from_debian(scratch: Path) -> Path:
    """The files out of Debian's package, fetched and unpacked without root; nothing is installed."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise NotFoundHereError("this is no Debian (no apt-get, no dpkg-deb)")
    packages = scratch / "packages"
    packages.mkdir()
    try:
        shell(["apt-get", "download", PACKAGE], packages)
    except NotFoundHereError:  # the machine's package lists are missing or old: fetch lists of our own
        own = own_lists(scratch / "apt")
        shell(["apt-get", *own, "update"], packages)
        shell(["apt-get", *own, "download", PACKAGE], packages)
    found = sorted(packages.glob("*.deb"))
    if not found:
        raise NotFoundHereError(f"apt-get brought no {PACKAGE}")
    shell(["dpkg-deb", "-x", str(found[0]), str(scratch / "unpacked")], packages)
    return scratch / "unpacked" / INSTALLED.relative_to("/")


def own_lists(state: Path) -> list[str]:
    """Options that keep apt's lists, cache and lock in a folder of our own."""
    for inner in ("lists/partial", "cache/archives/partial"):
        (state / inner).mkdir(parents=True)
    (state / "status").touch()
    settings = {
        "Dir::State": state,
        "Dir::State::lists": state / "lists",
        "Dir::State::status": state / "status",
        "Dir::Cache": state / "cache",
    }
    return [part for key, value in settings.items() for part in ("-o", f"{key}={value}")]


def shell(command: list[str], where: Path) -> None:
    """Run a program to its end; its last words are the reason when it fails."""
    patience = ["-o", f"Acquire::http::Timeout={SILENCE_SECONDS}", "-o", "Acquire::Retries=0"] if command[0] == "apt-get" else []
    try:
        done = subprocess.run(  # noqa: S603
            [command[0], *patience, *command[1:]], cwd=where, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotFoundHereError(f"{command[0]}: {error}") from error
    if done.returncode:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise NotFoundHereError(f"{' '.join(command[:1] + command[-2:])}: {said[-1] if said else done.returncode}")


def write_split(folder: Path, to: Path, split: str, count: int, seed: int) -> list[Photo]:
    """PNGs of a random sample of one split, in the data set's own order; the same for the same seed."""
    images, labels = read_idx(folder / FILES[split][0], (FILES[split][2], 28, 28)), read_idx(folder / FILES[split][1], (FILES[split][2],))
    if labels.max() >= len(TYPES):
        raise ModisteError(f"{folder / FILES[split][1]}: holds the label {labels.max()}; Fashion-MNIST has 0 to 9.")
    (to / "images").mkdir(exist_ok=True)
    taxonomy = read_taxonomy(None)
    photos = []
    for place in sample(labels, count, np.random.default_rng([seed, len(labels)])):
        path = f"images/{split}_{place:05d}.png"
        Image.fromarray(images[place]).save(to / path)
        kind = TYPES[labels[place]]
        photos.append(Photo(path, CLASSES.code(taxonomy.suggest(kind) or ""), split=split, details={"article_type": kind}))
    return photos


def sample(labels: Bytes, count: int, rng: np.random.Generator) -> list[int]:
    """Sorted places of a random sample with each type as often as any other, give or take one."""
    kinds = rng.permutation(len(TYPES))
    wanted = {int(kind): count // len(TYPES) + (place < count % len(TYPES)) for place, kind in enumerate(kinds)}
    return sorted(int(place) for kind in wanted for place in rng.permutation(np.flatnonzero(labels == kind))[: wanted[kind]])


def read_idx(file: Path, shape: tuple[int, ...]) -> Bytes:
    """The bytes of an IDX file, after its sizes were found to be those it is known to have."""
    values = idx_values(str(file), file)
    if values.shape != shape:
        raise ModisteError(f"{file} is not the file it should be: it holds {values.shape}, expected {shape}. Fetch it again.")
    return values


PLACES: dict[str, Callable[[Path], Path]] = {  # tried in this order
    f"this machine ({INSTALLED})": installed,
    "torchvision's download": downloaded,
    f"Debian's package {PACKAGE}": from_debian,
}
