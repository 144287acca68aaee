"""A map of the photos: what looks alike to the network lies together. Made once for what was looked at."""

from __future__ import annotations

import io
import multiprocessing
from hashlib import sha256
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modiste.projects.choosing import blind
from modiste.projects.guesses import Guesses
from modiste.projects.studio import Stop, Studio
from modiste.records.disk import write_bytes
from modiste.records.errors import MachineError, ModisteError
from modiste.records.progress import Progress, Tell
from modiste.searching.nearest import unit

MOST = 5000  # photos on a map: more are drawn by chance
WIDTH = 50  # numbers a photo that the map is made of
LOOK_UP_SECONDS = 0.2
Floats = NDArray[np.float64]


def path_of(studio: Studio, found: Guesses) -> Path:
    return studio.project.folder / "looks" / f"{found.looked.kept.stem}.map.npz"


def map_of(studio: Studio, found: Guesses, who: str) -> list[list[Any]] | None:
    """The map that was made: x, y in [0, 1], the code of the guess (-1: none, or not to be seen yet), the photo's id; None: no map."""
    try:
        data = memoryview(path_of(studio, found).read_bytes())
    except OSError:
        return None
    if sha256(data[32:]).digest() != data[:32]:  # damaged: it is drawn anew
        return None
    with np.load(io.BytesIO(data[32:]), allow_pickle=False) as held:
        places, xy = held["places"], held["xy"]
    heads = found.looked.heads
    if not len(places) or places.max() >= len(heads) or 2 * len(places) < min(MOST, int((heads >= 0).sum())):
        return None
    rows = heads[places]
    there, hidden = rows >= 0, set(blind(studio, found, who).tolist())
    return [
        [round(float(x), 4), round(float(y), 4), -1 if row in hidden else int(found.labels[row]), found.ids[row]]
        for (x, y), row in zip(xy[there], rows[there].tolist(), strict=True)
    ]


def mapped(studio: Studio, tell: Tell, stop: Stop) -> str:
    """Make the map."""
    found = studio.found
    if found is None or not found.looked.width:
        raise ModisteError("There is nothing to draw a map of yet.")
    places = np.flatnonzero(found.looked.heads >= 0)
    if not len(places):
        raise ModisteError("There is no photo that can be read, and nothing to draw a map of.")
    if len(places) > MOST:
        places = np.sort(np.random.default_rng(0).choice(places, MOST, replace=False))
    tell(Progress("drawing the map", 0, 2, "steps"))
    vectors = unit(np.array(found.looked.features[places])).astype(np.float64)
    few = principal(vectors, WIDTH)
    stop()
    tell(Progress("drawing the map", 1, 2, "steps"))
    xy = drawn_aside(few, stop) if find_spec("sklearn") and len(places) > 10 else few[:, :2]
    low, high = xy.min(0), xy.max(0)
    data = io.BytesIO()
    np.savez(data, places=places, xy=((xy - low) / np.maximum(high - low, 1e-9)).astype(np.float32))
    write_bytes(path_of(studio, found), sha256(data.getbuffer()).digest() + data.getvalue())
    return f"A map of {len(places):,} photos is drawn."


def principal(vectors: Floats, width: int) -> Floats:
    """The vectors (N, F) along their `width` directions of most variance (N, width); 0 beyond those that there are."""
    centred = vectors - vectors.mean(0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    made = np.zeros((len(vectors), max(2, min(width, vectors.shape[1]))))
    some = centred @ directions[:, ::-1][:, : made.shape[1]]
    made[:, : some.shape[1]] = some
    return made


def drawn_aside(vectors: Floats, stop: Stop) -> Floats:
    """`neighbours_together` in a process of its own: t-SNE of many photos takes a minute and asks nobody, so it is ended from outside."""
    around = multiprocessing.get_context("spawn")
    here, there = around.Pipe(duplex=False)
    process = around.Process(target=draw, args=(there, vectors), daemon=True)
    process.start()
    there.close()
    try:
        while not here.poll(LOOK_UP_SECONDS):
            stop()
        made: Floats = here.recv()
    except EOFError as error:
        raise MachineError("the map was not drawn: its process ended early. Perhaps memory ran out; close other programs.") from error
    finally:
        process.kill()
        process.join()
        here.close()
    return made


def draw(to: Connection, vectors: Floats) -> None:
    to.send(neighbours_together(vectors))


def neighbours_together(vectors: Floats) -> Floats:
    """t-SNE (van der Maaten & Hinton 2008): (N, 2)."""
    from sklearn.manifold import TSNE

    made: Floats = TSNE(2, perplexity=min(30, (len(vectors) - 1) / 3), init="pca", random_state=0).fit_transform(vectors)
    return made
