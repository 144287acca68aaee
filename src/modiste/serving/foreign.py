"""ONNX files that others made, with what they lack given by the caller: classes, pixels, and the constants that pixels are normalised by.

Taken are classifiers with one input, float32 (N, C, S, S), and an output (N, K) of scores or of probabilities; which of the two is found
out by asking. Such a file has no calibration, no evidence and no features: its confidence is believed as it is. What neither the file nor
the caller says is not guessed: a network that is shown photos in another way than those it learnt from answers all the same, and wrongly.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modiste.records.errors import Damaged, ModisteError, UsageError
from modiste.records.labels import Classes
from modiste.records.plain import from_plain
from modiste.records.recipe import Pixels
from modiste.serving.bundle import AGAIN, KEY, Card
from modiste.serving.graphs import Answers, Ask, Bytes, Floats, open_graph, run

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # as in data/batches.py, which imports torch
NOT_OURS = "not modiste"
NAMED = ("names", "classes", "labels")  # where exporters write class names; Ultralytics: names
PREFERRED = ("probabilities", "probs", "scores", "logits")  # of several outputs
PROBES = 8  # noise that a network is asked about, to learn what it answers with
USUAL = {"side": 224, "colour": "rgb", "fit": "crop", "normalise": "imagenet"}  # of networks of timm and torchvision: offered, not assumed
NORMALISATIONS = "imagenet, half (-1 to 1) or none (0 to 1)"
COLOURS = {"rgb": "in colour", "grey3": "in grey, in three equal channels", "grey1": "in grey"}
FITS = {"crop": "cropped to the largest square in the middle", "squash": "squashed into a square", "letterbox": "whole, on white"}
LEAST = 1e-12  # a probability of 0 has a score too


def open_foreign(
    path: Path,
    classes: Classes | Sequence[str] | str | None,
    pixels: Pixels | Mapping[str, Any] | None,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
    threads: int,
) -> tuple[Card, str, Ask]:
    """A card for the file, the name that stands in results, and what asks its network."""
    if path.suffix.lower() == ".xml":
        raise UsageError(
            f"{path} is a file of OpenVINO's, which `modiste benchmark` measures and nothing else here opens. Give an .onnx: "
            "`modiste export RUN` makes one of the same run."
        )
    data = path.read_bytes()
    session = open_graph(data, str(path), threads)
    known = dict(session.get_modelmeta().custom_metadata_map)
    if KEY in known:
        raise Damaged(f"{path} is damaged: it is a bundle of modiste, but not as it was written. {AGAIN}")
    names = classes_of(path, classes, known)
    size, channels, side = input_of(path, session)
    if not isinstance(pixels, Pixels):
        pixels = completed(path, pixels or {}, channels, side, mean is not None or "mean" in (pixels or {}))
    agree(path, pixels, channels, side)
    normalise = constants(path, pixels, mean, std)
    output = output_of(path, session, names, size, pixels)
    card = Card(path.stem, names, pixels, facts={"made_by": NOT_OURS, "mean": list(normalise[0]), "std": list(normalise[1])})
    return card, f"{path.stem}-{hashlib.sha256(data).hexdigest()[:12]}", asking(session, str(path), output, size, *normalise)


def classes_of(path: Path, classes: Classes | Sequence[str] | str | None, known: Mapping[str, str]) -> Classes:
    """The classes as the caller names them, else as the file does."""
    if classes is not None:
        return Classes.of(classes)
    for key in NAMED:
        if key in known and (found := names_in(known[key])):
            return Classes(found)
    raise UsageError(
        f"{path} is not a bundle of modiste, and names no classes. Name them in the order of its outputs: --classes Shoes,Bags; "
        f"in Python modiste.load(..., classes=['Shoes', 'Bags'])."
    )


def names_in(text: str) -> tuple[str, ...]:
    """Names written as a Python or JSON list, as a table from codes to names, or with commas; () where there are none.

    >>> names_in("{0: 'shoe', 1: 'bag'}"), names_in('["shoe", "bag"]'), names_in("shoe, bag")
    (('shoe', 'bag'), ('shoe', 'bag'), ('shoe', 'bag'))
    """
    try:
        found = ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        found = [name.strip() for name in text.split(",")] if "," in text else []
    if isinstance(found, dict):
        codes = {int(code): name for code, name in found.items() if re.fullmatch(r"\d{1,9}", str(code))}
        found = [codes[code] for code in range(len(found))] if codes.keys() == set(range(len(found))) else []
    return tuple(found) if isinstance(found, list | tuple) and all(isinstance(name, str) for name in found) else ()


def input_of(path: Path, session: Any) -> tuple[int | None, int | None, int | None]:
    """How many photos the network takes at once, its channels, and the side of its pictures in px; None: any."""
    given = session.get_inputs()
    shapes = ", ".join(f"{one.name}: {one.type} {one.shape}" for one in given)
    shape = given[0].shape if len(given) == 1 else []
    if len(shape) != 4 or given[0].type != "tensor(float)" or (isinstance(shape[1], int) and shape[1] not in (1, 3)):
        raise ModisteError(f"{path} does not take photos as modiste gives them, float32 (N, 3, S, S) or (N, 1, S, S). It takes {shapes}.")
    size, channels, height, width = (value if isinstance(value, int) else None for value in shape)
    if height != width:
        raise ModisteError(f"{path} does not take square pictures, and modiste gives no others. It takes {shapes}.")
    return size, channels, height


def completed(path: Path, said: Mapping[str, Any], channels: int | None, side: int | None, constants: bool) -> Pixels:
    """The pixels as they were said, with what the file says itself; refused where neither does, with what to give."""
    given = from_plain(Pixels, said, f"{path}: pixels")  # a wrong name or value is told first
    known = {**({} if side is None else {"side": side}), **({"colour": "grey1"} if channels == 1 else {})}
    known |= {name: getattr(given, name) for name in said}  # as what they are: a command line gives texts
    lacking = [name for name in USUAL if name not in known and not (name == "normalise" and constants)]
    if lacking:
        asked = " ".join(f"--set pixels.{name}={USUAL[name]}" for name in lacking)
        python = ", ".join(f"{name}={value!r}" for name, value in (USUAL | known).items())
        raise UsageError(
            f"{path} does not say how a photo becomes its input, and not given is {', '.join(f'pixels.{name}' for name in lacking)}. "
            f"For most networks of timm and torchvision give {asked} (in Python modiste.load(..., pixels=modiste.Pixels({python}))). "
            f"Else: colour {', '.join(COLOURS)}; fit {', '.join(FITS)}; normalise {NORMALISATIONS}."
        )
    return from_plain(Pixels, known, f"{path}: pixels")


def agree(path: Path, pixels: Pixels, channels: int | None, side: int | None) -> None:
    if side is not None and side != pixels.side:
        raise UsageError(f"{path} takes pictures of {side} px a side, and pixels.side is {pixels.side}. Give pixels.side={side}.")
    if channels not in (None, pixels.channels):
        raise UsageError(
            f"{path} takes {channels} channels, and pixels.colour = '{pixels.colour}' has {pixels.channels}. "
            f"Give pixels.colour={'grey1' if channels == 1 else 'rgb or grey3'}."
        )


def shown_as(card: Card) -> str:
    """In words how photos are shown to another's network; '' for a bundle, which has that from the run it was made of."""
    if card.facts.get("made_by") != NOT_OURS:
        return ""
    pixels, (mean, std) = card.pixels, ([f"{value:g}" for value in card.facts[name]] for name in ("mean", "std"))
    return (
        f"{card.name} is shown photos as {pixels.side} x {pixels.side} px {COLOURS[pixels.colour]}, {FITS[pixels.fit]}, normalised by mean "
        f"{' '.join(mean)} and std {' '.join(std)} (colour {pixels.colour}, fit {pixels.fit}, normalise {pixels.normalise})."
    )


def constants(
    path: Path, pixels: Pixels, mean: Sequence[float] | None, std: Sequence[float] | None
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation a channel, for pixels in [0, 1]: those given, ImageNet's, a half, or 0 and 1."""
    if (mean is None) != (std is None):
        raise UsageError("mean and std belong together: give both or neither.")
    if mean is None and pixels.constants:
        mean, std = pixels.constants
    if mean is not None and std is not None:
        if not len(mean) == len(std) == pixels.channels or not np.isfinite([*mean, *std]).all() or min(std) <= 0:
            raise UsageError(f"mean = {mean}, std = {std}: give {pixels.channels} numbers each, those of std above 0.")
        return tuple(map(float, mean)), tuple(map(float, std))
    if pixels.normalise == "none":
        return (0.0,) * pixels.channels, (1.0,) * pixels.channels
    if pixels.normalise == "half":
        return (0.5,) * pixels.channels, (0.5,) * pixels.channels
    if pixels.normalise != "imagenet":
        raise UsageError(
            f"{path}: pixels.normalise = '{pixels.normalise}' goes by how it was trained, which the file does not say. "
            f"Give {NORMALISATIONS}; for other constants give mean and std: --set pixels.mean=0.5 --set pixels.std=0.5."
        )
    if pixels.channels == 1:
        return (sum(IMAGENET_MEAN) / 3,), (sum(IMAGENET_STD) / 3,)
    return IMAGENET_MEAN, IMAGENET_STD


def output_of(path: Path, session: Any, classes: Classes, size: int | None, pixels: Pixels) -> tuple[str, bool]:
    """The output with a value a class, and whether that is a probability: asked about noise, its rows are shares of 1."""
    rng, names = np.random.default_rng(0), [output.name for output in session.get_outputs()]
    count, rounds = (PROBES, 1) if size is None else (size, -(-PROBES // size))
    shape, given = (count, pixels.channels, pixels.side, pixels.side), session.get_inputs()[0].name
    noise = [(rng.normal(size=shape) + 2 * rng.normal(size=(*shape[:2], 1, 1))).astype(np.float32) for _ in range(rounds)]  # in many tints
    seen = [run(session, names, given, one, str(path)) for one in noise]
    shapes = {name: np.shape(values) for name, values in zip(names, seen[0], strict=True)}
    fitting = [name for name in (*PREFERRED, *names) if shapes.get(name) == (count, len(classes))]
    if not fitting:
        raise UsageError(f"{path} gives {shapes} for {count} photos, and {len(classes)} classes are named: {classes}.")
    values = np.concatenate([made[names.index(fitting[0])] for made in seen])
    return fitting[0], are_shares(values)


def are_shares(values: Floats) -> bool:
    """Whether each row (K,) is made of shares of 1."""
    return bool((values >= 0).all() and np.allclose(values.sum(1), 1, atol=1e-2))


def asking(session: Any, where: str, output: tuple[str, bool], size: int | None, mean: tuple[float, ...], std: tuple[float, ...]) -> Ask:
    """What asks the network: pixels uint8 (N, S, S, C) in, answers out; as many at once as it takes, filled up with black ones."""
    name, shares = output
    means, stds = np.array(mean, np.float32)[:, None, None], np.array(std, np.float32)[:, None, None]
    given = session.get_inputs()[0].name

    def part(pixels: Bytes) -> Floats:
        whole = pixels if size is None else np.concatenate([pixels, np.zeros((size - len(pixels), *pixels.shape[1:]), np.uint8)])
        pictures = np.broadcast_to(whole.transpose(0, 3, 1, 2), (len(whole), len(mean), *whole.shape[1:3]))  # grey: three times the same
        values: Floats = run(session, [name], given, (pictures.astype(np.float32) / 255 - means) / stds, where)[0]
        return values[: len(pixels)].astype(np.float32)

    def ask(pixels: Bytes) -> Answers:
        step = size or len(pixels)
        values = np.concatenate([part(pixels[start : start + step]) for start in range(0, len(pixels), step)])
        features = np.empty((len(values), 0), np.float32)
        if shares and not are_shares(values):
            raise ModisteError(f"{where} gives probabilities for noise, and something else for a photo: it cannot be told what it gives.")
        if shares:
            return Answers(values, np.log(np.maximum(values, LEAST)), features)
        powers = np.exp(values - values.max(1, keepdims=True))
        return Answers(powers / powers.sum(1, keepdims=True), values, features)

    return ask
