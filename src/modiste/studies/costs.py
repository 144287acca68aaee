"""What each network of a study costs: counted from a sketch of it, read from its runs, and timed on this machine."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean, median

import torch
from torch.utils.flop_counter import FlopCounterMode

from modiste.evaluation.costs import Cost
from modiste.models.variants import Classifier, parameters, sketch
from modiste.records.disk import write_json
from modiste.records.plain import fingerprint, to_plain
from modiste.records.progress import Progress, Tell, silent
from modiste.records.recipe import Network, Recipe
from modiste.records.run import Run
from modiste.training.machine import circumstances, device

WARM, ROUNDS = 1, 9  # answers of each network that are not timed, and that are
ABREAST = 8  # networks in memory at a time, which answer in turn
WEIGHT = 0.01  # every weight, when only time is asked for: the same arithmetic, and no time to draw them
Shape = tuple[Network, int, int]  # a network, its channels, the side of its pictures in px


def costs(
    recipes: Mapping[str, Recipe],
    runs: Mapping[str, Sequence[Run]],
    classes: int,
    folder: Path,
    where: str = "auto",
    tell: Tell = silent,
) -> dict[str, Cost]:
    """The cost of every variant that has a finished run, kept in `folder`/costs.json: what was timed on this machine stays as it is.

    Networks that differ in their weights alone, as an SVM's and its softmax network's do, are timed once.
    """
    there = {name: recipes[name] for name, some in runs.items() if some}
    shapes = {name: shape_of(recipe) for name, recipe in there.items()}
    machine = {key: value for key, value in circumstances(device(where)).items() if key in MACHINE}
    took = remembered(folder / "costs.json", shapes.values(), machine)
    if took is None:
        took = latencies(dict.fromkeys(shapes.values()), classes, device(where), tell)
    found = {
        name: Cost(*counted(recipe, classes), training_seconds(runs[name]), round(took[shapes[name]], 3)) for name, recipe in there.items()
    }
    plain = {name: {**asdict(cost), "network": fingerprint(key_of(shapes[name]))} for name, cost in found.items()}
    write_json(folder / "costs.json", {"machine": machine, "costs": plain})
    return found


def shape_of(recipe: Recipe) -> Shape:
    """What of a recipe decides how long an answer takes; an SVM is the last linear layer of its network."""
    network = replace(recipe.network, weights="none", frozen=False, head="softmax", svm_c=None, dropout=0.0)
    return network, recipe.pixels.channels, recipe.pixels.side


def key_of(shape: Shape) -> list[object]:
    network, channels, side = shape
    return [to_plain(network), channels, side]


def counted(recipe: Recipe, classes: int) -> tuple[int, int, int]:
    """Parameters in all, those that learn, and the FLOPs of one photo; nothing is filled or computed."""
    with torch.device("meta"), torch.inference_mode():
        network = sketch(recipe.network, classes, recipe.pixels.channels).eval()
        trainable, frozen = parameters(network)
        with FlopCounterMode(display=False) as flops:
            network(torch.empty(1, recipe.pixels.channels, recipe.pixels.side, recipe.pixels.side))
    return trainable + frozen, trainable, flops.get_total_flops()


def training_seconds(runs: Sequence[Run]) -> float | None:
    """The mean time that a variant's runs took, each with the run that it stands on; None where such a run is gone."""
    found = []
    for run in runs:
        trunk = Run(run.folder.parent / run.about["trunk"]) if "trunk" in run.about else None
        if trunk is not None and not trunk.finished:
            return None
        found.append(run.about["seconds"] + (trunk.about["seconds"] if trunk is not None else 0.0))
    return round(fmean(found), 2)


def latencies(shapes: Iterable[Shape], classes: int, where: torch.device, tell: Tell = silent) -> dict[Shape, float]:
    """Milliseconds that each network takes for one photo: the median of several answers, the networks in turn.

    In turn, so that what else this machine does disturbs all alike.
    """
    wanted, took = list(shapes), dict[Shape, float]()
    for first in range(0, len(wanted), ABREAST):
        tell(Progress("timing answers", first, len(wanted), "networks"))
        some = wanted[first : first + ABREAST]
        networks = {(network, channels): filled(network, channels, classes, where) for network, channels, _ in some}
        pictures = {shape: torch.rand(1, shape[1], shape[2], shape[2], device=where) for shape in some}
        times: dict[Shape, list[float]] = {shape: [] for shape in some}
        with torch.inference_mode():
            for _ in range(WARM + ROUNDS):
                for shape in some:
                    times[shape].append(timed(networks[shape[:2]], pictures[shape]))
        took |= {shape: 1000 * median(each[WARM:]) for shape, each in times.items()}
    tell(Progress("timing answers", len(wanted), len(wanted), "networks"))
    return took


def filled(network: Network, channels: int, classes: int, where: torch.device) -> Classifier:
    """A network of the right shape whose weights are all the same number."""
    with torch.device("meta"):
        made = sketch(network, classes, channels).eval()
    made.to_empty(device=where)
    with torch.no_grad():
        for tensor in (*made.parameters(), *made.buffers()):
            tensor.fill_(WEIGHT) if tensor.is_floating_point() else tensor.zero_()
    return made


def timed(network: Classifier, picture: torch.Tensor) -> float:
    """Seconds that one answer takes."""
    begun = time.perf_counter()
    network(picture).cpu()  # a GPU's answer has to come back
    return time.perf_counter() - begun


def remembered(path: Path, shapes: Iterable[Shape], machine: Mapping[str, object]) -> dict[Shape, float] | None:
    """What all of these networks took on this machine the last time, or None where one of them was not timed."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        known = {cost["network"]: float(cost["latency_ms"]) for cost in kept["costs"].values()} if kept["machine"] == machine else {}
        return {shape: known[fingerprint(key_of(shape))] for shape in shapes}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def machine_in_words(where: str = "auto") -> str:
    """What an answer was timed on."""
    place = device(where)
    if place.type != "cpu":
        return str(circumstances(place)["device"])
    cores = os.cpu_count() or 1
    return f"{torch.get_num_threads()} of {cores} cores of an {circumstances(place)['processor']}"


MACHINE = ("torch", "system", "processor", "cores", "threads", "device")
