"""The training loop: epochs over batches, watched on another split, stopped and gone on with at any step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save
from torch import Tensor, nn

from modiste.data.batches import Pictures, draw_order
from modiste.evaluation.metrics import macro_f1
from modiste.records.disk import write_bytes
from modiste.records.errors import ModisteError, TrainingDiverged, unknown
from modiste.records.predictions import Predictions
from modiste.records.progress import Progress, Tell
from modiste.records.recipe import Recipe
from modiste.records.run import Epoch, Run
from modiste.training.checkpoint import Position, load_checkpoint, save_checkpoint
from modiste.training.losses import Loss
from modiste.training.model import Model


@dataclass(frozen=True)
class Watched:
    """The split whose loss and accuracy are looked at after each epoch: validation, or else test."""

    name: str
    pictures: Pictures


@dataclass(frozen=True)
class Lesson:
    """What one run learns from and how: the model, its recipe and loss, the photos, where to compute, whom to tell."""

    model: Model
    recipe: Recipe
    loss: Loss
    train: Pictures
    watched: Watched
    where: torch.device
    bf16: bool
    tell: Tell
    checkpoint_seconds: float = 60.0


def learn(lesson: Lesson, run: Run) -> int:
    """Train to the end, from the run's checkpoint if one stands there; the number of the epoch whose weights are kept."""
    network, recipe = lesson.model.network, lesson.recipe
    network.to(lesson.where, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = optimiser_of(recipe, network, lesson.where)
    path = run.folder / "checkpoint.safetensors"
    position = load_checkpoint(path, network, optimiser) if path.is_file() else Position()
    epochs = run.history()[: position.epoch]
    if len(epochs) < position.epoch or (position.epoch and recipe.select == "best" and not (run.folder / "best.safetensors").is_file()):
        raise ModisteError(f"{run.folder}: its history or best weights do not reach its checkpoint. Delete the folder to train it again.")
    saved = time.monotonic()
    while position.epoch < recipe.epochs and not out_of_patience(epochs, recipe.patience):
        saved = train_epoch(lesson, optimiser, position, path, saved)
        epochs.append(measured(lesson, position))
        run.write_history(epochs)
        if recipe.select == "best" and best_epoch(epochs) == epochs[-1].epoch:
            keep(run.folder / "best.safetensors", network)
        position = Position(epoch=position.epoch + 1)
    if recipe.select == "last":
        return epochs[-1].epoch
    network.load_state_dict(load_file(run.folder / "best.safetensors"))
    return best_epoch(epochs)


def train_epoch(lesson: Lesson, optimiser: torch.optim.Optimizer, position: Position, checkpoint: Path, saved: float) -> float:
    """The steps of an epoch that are still to do; `position` is kept up to date. `saved` is when the last checkpoint was written."""
    network, recipe = lesson.model.network, lesson.recipe
    batches = epoch_batches(lesson.train.labels, recipe, position.epoch)
    network.train()
    begun = time.monotonic()
    before = position.seconds
    for rows in batches[position.step :]:
        torch.manual_seed(chance(recipe.seed, position.epoch, position.step))  # dropout and augmentation of this step
        step_loss, hits = step(lesson, optimiser, rows)
        if not math.isfinite(step_loss):
            raise TrainingDiverged(
                f"the loss became {step_loss} in epoch {position.epoch + 1}, step {position.step + 1}. Try a smaller lr than {recipe.lr:g}"
                + (", or precision=fp32." if lesson.bf16 else ".")
            )
        position.step += 1
        position.loss_sum += step_loss * len(rows)
        position.hits += hits
        position.seen += len(rows)
        position.seconds = before + time.monotonic() - begun
        note = f"epoch {position.epoch + 1} of {recipe.epochs}, loss {position.loss_sum / position.seen:.3f}"
        done = position.epoch * len(lesson.train) + position.seen
        lesson.tell(Progress("training", done, recipe.epochs * len(lesson.train), note=note))
        if time.monotonic() - saved > lesson.checkpoint_seconds:
            save_checkpoint(checkpoint, position, network, optimiser)
            saved = time.monotonic()
    return saved


def step(lesson: Lesson, optimiser: torch.optim.Optimizer, rows: NDArray[np.int64]) -> tuple[float, int]:
    """One step on the photos of these rows: the loss, and how many of them were right."""
    pictures = lesson.model.eyes.see(lesson.train.pixels[rows], lesson.recipe.augment).to(lesson.where)
    labels = torch.from_numpy(lesson.train.labels[rows]).to(lesson.where)
    optimiser.zero_grad(set_to_none=True)
    scores = forward(lesson, pictures)
    loss = lesson.loss(scores, labels)
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return loss.item(), int((scores.argmax(1) == labels).sum())


def forward(lesson: Lesson, pictures: Tensor) -> Tensor:
    """Scores in fp32, computed in the lesson's precision."""
    with torch.autocast(lesson.where.type, torch.bfloat16, enabled=lesson.bf16):
        scores: Tensor = lesson.model.network(pictures)
    return scores.float()


@torch.inference_mode()
def measured(lesson: Lesson, position: Position) -> Epoch:
    """The epoch's line of history, with loss, accuracy and macro F1 on the watched split."""
    network, pictures = lesson.model.network.eval(), lesson.watched.pictures
    parts = []
    for start in range(0, len(pictures), 64):
        parts.append(forward(lesson, lesson.model.eyes.see(pictures.pixels[start : start + 64]).to(lesson.where)))
        lesson.tell(Progress(f"looking at {lesson.watched.name}", min(start + 64, len(pictures)), len(pictures)))
    scores = torch.cat(parts)
    if not torch.isfinite(scores).all():
        raise TrainingDiverged(f"after epoch {position.epoch + 1} the network's scores are no longer numbers. Try a smaller lr.")
    network.train()
    said = Predictions(lesson.model.classes.names, pictures.paths, pictures.labels, scores.double().cpu().numpy())
    return Epoch(
        epoch=position.epoch + 1,
        train_loss=position.loss_sum / position.seen,
        train_accuracy=position.hits / position.seen,
        watched=lesson.watched.name,
        loss=float(lesson.loss(scores, torch.from_numpy(pictures.labels).to(lesson.where))),
        accuracy=float((said.called == said.truth).mean()),
        macro_f1=macro_f1(said),
        photos_per_second=position.seen / max(position.seconds, 1e-9),
        seconds=position.seconds,
    )


def epoch_batches(labels: NDArray[np.int64], recipe: Recipe, epoch: int) -> list[NDArray[np.int64]]:
    """The rows of each step of an epoch, from seed and epoch alone; a last batch of one joins the one before it."""
    order = draw_order(labels, recipe.sampling, np.random.default_rng([recipe.seed, epoch]))
    cuts = list(range(recipe.batch, len(order), recipe.batch))
    if cuts and len(order) - cuts[-1] == 1:  # batch-norm has no spread to measure in one photo
        cuts.pop()
    return np.split(order, cuts)


def chance(seed: int, epoch: int, step: int) -> int:
    """The seed of one step: the same whether or not the run was stopped before it."""
    return int(np.random.SeedSequence([seed, epoch, step]).generate_state(1)[0])


def best_epoch(epochs: list[Epoch]) -> int:
    """The number of the first epoch with the highest macro F1 on the watched split."""
    return max(epochs, key=lambda epoch: (epoch.macro_f1, -epoch.epoch)).epoch


def out_of_patience(epochs: list[Epoch], patience: int | None) -> bool:
    return bool(patience and epochs and epochs[-1].epoch - best_epoch(epochs) >= patience)


def keep(path: Path, network: nn.Module) -> None:
    write_bytes(path, save({name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}))


def optimiser_of(recipe: Recipe, network: nn.Module, where: torch.device) -> torch.optim.Optimizer:
    """The recipe's optimiser over what is not frozen."""
    if recipe.optimiser not in OPTIMISERS:
        raise unknown("optimiser", recipe.optimiser, OPTIMISERS)
    learning = [weight for weight in network.parameters() if weight.requires_grad]
    return OPTIMISERS[recipe.optimiser](learning, recipe, where.type in ("cpu", "cuda"))


# weights, recipe, whether a fused step exists on the device -> optimiser; torch's defaults otherwise
OPTIMISERS: dict[str, Callable[[list[nn.Parameter], Recipe, bool], torch.optim.Optimizer]] = {
    "adam": lambda weights, recipe, fused: torch.optim.Adam(weights, recipe.lr, weight_decay=recipe.weight_decay, fused=fused),
    "adamw": lambda weights, recipe, fused: torch.optim.AdamW(weights, recipe.lr, weight_decay=recipe.weight_decay, fused=fused),
    "sgd": lambda weights, recipe, fused: torch.optim.SGD(weights, recipe.lr, momentum=0.9, weight_decay=recipe.weight_decay, fused=fused),
}
