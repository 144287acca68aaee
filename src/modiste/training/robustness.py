"""A run's model on corrupted photos: every corruption at every severity, kept on disk as it goes, so that the same call goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modiste.data.corruptions import CORRUPTIONS, SEVERITIES, chance_of, check_corruption, corrupted, in_colour
from modiste.data.decoded import Pictures, decode, portions
from modiste.data.layouts.readers import read
from modiste.evaluation.statistics.robustness import CLEAN, Robustness
from modiste.records.catalogue import Catalogue
from modiste.records.disk import write_json
from modiste.records.errors import Stopped, UsageError
from modiste.records.plain import fingerprint
from modiste.records.predictions import Predictions
from modiste.records.progress import Progress, Tell, silent
from modiste.records.run import Run
from modiste.training.given import Given, folds
from modiste.training.machine import device
from modiste.training.model import Model, answerable, joined, open_model, predict
from modiste.training.stopping import stoppable
from modiste.training.team import Team

CORRUPTING = 1  # one more when a corruption changes, so that no old predictions are read


def robustness(
    run: Run | Path | str,
    catalogue: Catalogue | Path | str,
    folder: Path | str,
    *,
    corruptions: Sequence[str] = tuple(CORRUPTIONS),
    severities: Sequence[int] = SEVERITIES,
    seed: int = 0,
    where: str = "auto",
    tell: Tell = silent,
) -> Robustness:
    """What a run's model says of a catalogue's labelled photos, clean and corrupted.

    Photos are decoded in colours at the network's side, corrupted, and only then made grey where the network sees grey. Predictions are
    kept in `folder`, a file a corruption and severity for each portion of photos that stands in memory at a time; after Ctrl-C or a crash
    the same call goes on from there.
    """
    run = run if isinstance(run, Run) else Run(Path(run))
    catalogue = catalogue if isinstance(catalogue, Catalogue) else read(catalogue)
    check_asked(corruptions, severities)
    model = open_model(run)
    catalogue = answerable(run, model, catalogue)
    pixels, team = replace(model.eyes.pixels, colour="rgb"), Team(device(where))
    wanted = [(CLEAN, 0), *((name, severity) for name in corruptions for severity in severities)]
    parts: list[Mapping[tuple[str, int], Predictions]] = []
    for portion in portions(catalogue, pixels):
        pictures = decode(portion, pixels, None, tell=tell)
        kept = Path(folder) / f"{run.folder.name}-{identity(run, pictures, seed)}"
        write_json(kept / "about.json", {"run": run.folder.name, "photos": len(pictures), "seed": seed, "root": str(catalogue.root)})
        before = sum(len(part[CLEAN, 0]) for part in parts)
        parts.append(all_cells(model, pictures, wanted, kept, seed, team, tell, before, len(catalogue)))
    found = {cell: joined([part[cell] for part in parts]) for cell in wanted}
    return Robustness(found[CLEAN, 0], {name: {severity: found[name, severity] for severity in severities} for name in corruptions})


def check_asked(corruptions: Sequence[str], severities: Sequence[int]) -> None:
    """Refuse what cannot be done before anything is decoded."""
    for name in corruptions:
        check_corruption(name)
    if not corruptions or not severities:
        raise UsageError("name one corruption and one severity at least.")
    if odd := [severity for severity in severities if severity not in SEVERITIES]:
        raise UsageError(f"a severity of {odd[0]} is none: severities are 1 to 5.")


def identity(run: Run, pictures: Pictures, seed: int) -> str:
    """12 hex digits that stand for the weights, the very pixels and labels, the seed, and how photos are corrupted."""
    mixed = hashlib.sha256()
    for start in range(0, len(pictures), 256):
        mixed.update(pictures.at(slice(start, start + 256)).tobytes())
    paths = [path.encode("utf-8", "surrogateescape").hex() for path in pictures.paths]
    weights = run.read_sealed("model.json")["weights_sha256"]
    return fingerprint([CORRUPTING, weights, seed, paths, pictures.labels.tolist(), mixed.hexdigest()])[:12]


def all_cells(
    model: Model,
    pictures: Pictures,
    wanted: Sequence[tuple[str, int]],
    kept: Path,
    seed: int,
    team: Team,
    tell: Tell,
    before: int,
    photos: int,
) -> Mapping[tuple[str, int], Predictions]:
    """The predictions of each corruption and severity: read where they are kept, else made and kept.

    `before` photos of `photos` in all have theirs already.
    """
    found: dict[tuple[str, int], Predictions] = {}

    def told(progress: Progress) -> None:
        stop_if_asked()
        done = before * len(wanted) + len(found) * len(pictures) + progress.done
        tell(Progress("corrupted photos", done, len(wanted) * photos, note=note))

    def stop_if_asked() -> None:
        if wish.reason:
            words, code = wish.reason
            some = f" for photos {before + 1:,} to {before + len(pictures):,} of {photos:,}" if len(pictures) < photos else ""
            done = f"{len(found)} of {len(wanted)}{some}"
            raise Stopped(f"stopped by {words} after {done}; they are in {kept}. The same command goes on.", code)

    with stoppable() as wish:
        for name, severity in wanted:
            stop_if_asked()
            note = f"{name} {severity}" if severity else name
            path = kept / f"{note.replace(' ', '-')}.csv"
            if not path.is_file():
                predict(model, model.network, seen(model, pictures, name, severity, seed), team, told).write(path)
            found[name, severity] = Predictions.read(path)
    return found


def seen(model: Model, pictures: Pictures, name: str, severity: int, seed: int) -> Given:
    """The photos as the network sees them, corrupted a batch at a time."""
    fold = folds(model.network)

    def see(rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        made = pictures.at(rows)  # (B, S, S, 3)
        if severity:
            for place, row in enumerate(rows):
                made[place] = corrupted(name, made[place], severity, chance_of(seed, name, pictures.paths[row]))
        return in_colour(made, model.eyes.pixels.colour)

    return Given(pictures.paths, pictures.labels, lambda rows: model.eyes.see(see(rows), fold=fold))
