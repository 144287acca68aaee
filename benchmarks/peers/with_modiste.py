"""`modiste.train` as it comes, on the same folder; its decoding is timed by what it tells."""

from __future__ import annotations

import time

import clock

import modiste
from modiste.records.progress import Progress

DECODED: list[tuple[float, int]] = []  # when, and how many photos by then


def listen(told: Progress) -> None:
    if told.stage == "decoding":
        DECODED.append((time.perf_counter(), told.done))


def decoding_seconds() -> float:
    """Seconds a photo, from the first time it told of photos to the last of that split: the start of the workers is left out."""
    upto = next((place for place in range(1, len(DECODED)) if DECODED[place][1] < DECODED[place - 1][1]), len(DECODED))
    (begun, first), (ended, last) = DECODED[0], DECODED[upto - 1]
    return (ended - begun) / (last - first)


def main() -> None:
    asked = clock.options(__doc__).parse_args()
    clock.start()
    recipe = modiste.Recipe(
        network=modiste.Network(backbone=asked.network),
        pixels=modiste.Pixels(side=asked.side),
        batch=asked.batch,
        lr=asked.lr,
        epochs=1,
        sampling="shuffled",
    )
    run = modiste.train(recipe, modiste.read(asked.photos), asked.scratch / "runs", device="cpu", tell=listen)
    clock.leave(asked.answer, ["modiste"], precision=run.about["precision"], decoding_seconds=decoding_seconds())


if __name__ == "__main__":
    main()
