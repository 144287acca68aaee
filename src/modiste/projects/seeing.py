"""One photo before the network in use: what it says of a photo from elsewhere, and where in a photo it looks."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from modiste.data.auditing.look import look
from modiste.data.opening.images import to_pixels
from modiste.data.opening.refusals import REASONS, PhotoRefused
from modiste.data.opening.workers import one_photo
from modiste.serving.deciding import WHY, thresholds
from modiste.serving.labeller import Labeller
from modiste.serving.occlusion import heat

SIDE = 224  # px of a heat map as it is sent
RED = (214, 69, 65)  # what it is drawn in; how much is its opacity
Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Plain = dict[str, Any]


def pixels_at(labeller: Labeller, root: Path, path: str) -> Bytes:
    """A photo as the network sees it, decoded in a process that may die of it."""
    eyes = labeller.pixels
    options = {"side": eyes.side, "colour": eyes.colour, "fit": eyes.fit, "strict": eyes.strict}
    made = one_photo(root, path, to_pixels, options)
    if isinstance(made, PhotoRefused):
        raise made
    pixels: Bytes = made
    return pixels


def measures_of(root: Path, path: str) -> Plain:
    """How large a photo is, upright, in px, and its file in bytes; nothing of one that cannot be read."""
    made = one_photo(root, path, look)
    if isinstance(made, PhotoRefused):
        return {"width": None, "height": None, "bytes": None}
    return {name: int(made["small"][name]) for name in ("width", "height", "bytes")}


def said_of(labeller: Labeller, data: bytes, precision: float) -> tuple[Plain, Floats]:
    """What the network says of a photo's bytes, with its heat map, and the features (F,) to find others by; or `PhotoRefused`."""
    with TemporaryDirectory(prefix="modiste-") as folder:
        (Path(folder) / "photo").write_bytes(data)
        pixels = pixels_at(labeller, Path(folder), "photo")
    answers = labeller.score(pixels[None])
    (label,) = labeller.labels(answers, thresholds(labeller.card, precision), [None])
    plain = {
        "label": label.label,
        "confidence": label.confidence,
        "probabilities": label.probabilities,
        "decision": label.decision,
        "reason": label.reason,
        "words": {**REASONS, **WHY}.get(label.reason, ""),
        "strangeness": label.strangeness,
        "heat": drawn(labeller, pixels, int(answers.called[0])),
    }
    return plain, answers.features[0]


def heat_of(labeller: Labeller, root: Path, path: str) -> Plain:
    """Where in a photo the network sees what it calls it."""
    pixels = pixels_at(labeller, root, path)
    code = int(labeller.score(pixels[None]).called[0])
    name = labeller.classes.names[code]
    return {"heat": drawn(labeller, pixels, code), "label": name, "words": f"Red: covered, the photo looks less like {name}."}


def drawn(labeller: Labeller, pixels: Bytes, code: int) -> str:
    """The heat map as a PNG in an address, its strongest place in full."""
    found = heat(labeller, pixels, code)
    strength = found / max(float(found.max()), 1e-6)
    opacity = Image.fromarray((strength * 190).astype(np.uint8)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    picture = Image.new("RGB", (SIDE, SIDE), RED)
    picture.putalpha(opacity)
    data = BytesIO()
    picture.save(data, "PNG")
    return f"data:image/png;base64,{b64encode(data.getvalue()).decode('ascii')}"
