"""The training loop: epochs over batches, watched on another split, stopped and gone on with at any step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from modiste.data.batches import draw_order
from modiste.evaluation.metrics import macro_f1
from modiste.models.tensors import read_tensors, write_tensors
from modiste.models.variants import Classifier
from modiste.records.errors import ModisteError, Stopped, TrainingDiverged, unknown
from modiste.records.predictions import Predictions
from modiste.records.progress import Progress, Tell
from modiste.records.recipe import Recipe
from modiste.records.run import Epoch, Run
from modiste.training.averaging import Average
from modiste.training.checkpoint import Learner, Position, are_numbers, load_checkpoint, save_checkpoint
from modiste.training.given import Given, moved
from modiste.training.loggers import open_loggers
from modiste.training.losses import Loss
from modiste.training.mixing import at_side, grown_side, mixed, mixed_loss
from modiste.training.model import Model
from modiste.training.schedules import lr_factor
from modiste.training.stopping import Wish, stoppable
from modiste.training.team import Team

MEASURED_AT_ONCE = 64  # photos
CHECKPOINTS_COST = 0.02  # of the time, at most: a larger network is kept less often,
RAREST_SECONDS = 600.0  # yet at least so often: one may have taken long because the machine was held meanwhile


@dataclass(frozen=True)
class Watched:
    """The split whose loss and accuracy are looked at after each epoch: validation, or else test."""

    name: str
    given: Given
    loss: Loss  # without smoothing


@dataclass(frozen=True)
class Lesson:
    """What one run learns from and how: the model, its recipe and loss, what is given, who computes, whom to tell.

    `part` is what of a network works on what is given: all of it, or what stands behind its still part.
    """

    model: Model
    recipe: Recipe
    loss: Loss
    train: Given
    watched: Watched
    team: Team
    bf16: bool
    tell: Tell
    part: Callable[[Classifier], nn.Module] = lambda network: network
    checkpoint_seconds: float = 60.0
    deadline: float | None = None  # on the clock time.monotonic
    log: tuple[str, ...] = ()  # names of LOGGERS
    masses: NDArray[np.float64] | None = None  # what a photo of each class (K,) weighs in the loss's mean; None: all alike


def learn(lesson: Lesson, run: Run) -> int:
    """Train to the end, from the run's checkpoint if one stands there; the number of the epoch whose weights are kept."""
    recipe, best = lesson.recipe, run.folder / "best.safetensors"
    learner = learner_of(lesson)
    path = run.folder / "checkpoint.safetensors"
    position, epochs = load_checkpoint(path, learner) if path.is_file() else (Position(), [])
    if epochs and recipe.select == "best":
        if position.step == 0 and position.epoch == best_epoch(epochs):  # it may have been killed before they were written
            keep_best(lesson, learner, best, epochs)
        elif not best.is_file():
            raise ModisteError(f"{run.folder}: its best weights are gone. Delete the folder to train it again.")
    logger = open_loggers(lesson.log if lesson.team.leads else (), run, recipe, epochs)
    keeper = Keeper(path, lesson, learner, epochs)
    facts = None
    try:
        with stoppable(lesson.deadline if lesson.team.leads else None) as wish:  # a team has one clock
            joined = lesson.team.joined(lesson.part(learner.network))
            while position.epoch < recipe.epochs and not out_of_patience(epochs, recipe.patience):
                train_epoch(lesson, learner, joined, position, keeper, wish)
                epochs.append(measured(lesson, learner, position, keeper, wish))
                lesson.team.by_the_leader(lambda: run.write_history(epochs))
                logger.tell(epochs[-1])
                position = Position(epoch=position.epoch + 1)
                if recipe.select == "best" and best_epoch(epochs) == position.epoch:
                    keeper.write(position)  # first: the best weights are never of an epoch that a run going on would train again
                    keep_best(lesson, learner, best, epochs)
            if any(lesson.team.total(float(wish.signalled is not None))):  # after the last step: no other looks any more
                raise stopped(keeper, position, wish)
        kept = epochs[-1].epoch if recipe.select == "last" else best_epoch(epochs)
        facts = {"kept_epoch": kept, "macro_f1": epochs[kept - 1].macro_f1}
    finally:
        logger.close(facts)
    lesson.team.wait()
    lesson.model.network.load_state_dict(learner.kept.state_dict() if recipe.select == "last" else best_weights(best, kept))
    return kept


def keep_best(lesson: Lesson, learner: Learner, path: Path, epochs: Sequence[Epoch]) -> None:
    """Write the weights of the epoch that has just ended, the best so far."""
    weights = learner.kept.state_dict()
    lesson.team.by_the_leader(lambda: write_tensors(path, weights, {"epoch": epochs[-1].epoch}))


def best_weights(path: Path, epoch: int) -> dict[str, Tensor]:
    """The weights that were kept of the best epoch; a run gone on with elsewhere may have found another epoch the best."""
    remedy = "Delete the folder to train it again."
    weights, facts = read_tensors(path, remedy)
    if facts.get("epoch") != epoch:
        raise ModisteError(f"{path} holds the weights of epoch {facts.get('epoch')}, but epoch {epoch} was the best. {remedy}")
    return weights


def learner_of(lesson: Lesson) -> Learner:
    """The network where it is trained, laid out as it is trained, with an optimiser."""
    network, recipe, where = lesson.model.network, lesson.recipe, lesson.team.where
    network.to(where, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Learner(network, optimiser_of(recipe, network, where), Average(network, recipe.ema) if recipe.ema else None)


@dataclass
class Keeper:
    """Writes checkpoints by the clock, or at once when it is asked: in a team by its leader, whom all wait for."""

    path: Path
    lesson: Lesson
    learner: Learner
    epochs: list[Epoch]
    saved: float = 0.0
    took: float = 0.0

    def __post_init__(self) -> None:
        self.saved = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether the last checkpoint is old enough for what one costs; after every step where seconds are 0. The leader's clock counts."""
        seconds = self.lesson.checkpoint_seconds
        pause = max(seconds, min(self.took / CHECKPOINTS_COST, RAREST_SECONDS))
        old = not seconds or time.monotonic() - self.saved > pause
        return old and self.lesson.team.leads

    def write(self, position: Position) -> None:
        """A checkpoint; where the weights are no numbers it is refused."""
        begun = time.monotonic()
        try:
            self.lesson.team.by_the_leader(lambda: save_checkpoint(self.path, position, self.epochs, self.learner))
        except TrainingDiverged as error:
            raise diverged(self, f"{error} after epoch {position.epoch + 1}, step {position.step}") from error
        self.saved = time.monotonic()
        self.took = self.saved - begun


def train_epoch(lesson: Lesson, learner: Learner, joined: nn.Module, position: Position, keeper: Keeper, wish: Wish) -> None:
    """The steps of an epoch that are still to do; `position` is kept up to date."""
    recipe, team = lesson.recipe, lesson.team
    batches = epoch_batches(lesson.train.labels, recipe, position.epoch, 2 * team.size)
    side = grown_side(position.epoch, recipe.epochs, recipe.first_side, recipe.pixels.side)
    learner.network.train()
    begun, before = time.monotonic(), position.seconds
    for rows in batches[position.step :]:
        torch.manual_seed(chance(recipe.seed, position.epoch, position.step, team.rank))  # dropout and augmentation of this step
        set_lr(learner.optimiser, recipe, position, len(batches))
        done_here = step(lesson, learner, joined, rows, side)
        loss_sum, hits, asked, due = team.total(*done_here, float(wish.reason is not None), float(keeper.due))
        if not math.isfinite(loss_sum):
            raise diverged(keeper, f"the loss became {loss_sum} in epoch {position.epoch + 1}, step {position.step + 1}")
        position.step += 1
        position.loss_sum += loss_sum
        position.hits += int(hits)
        position.seen += len(rows)
        position.seconds = before + time.monotonic() - begun
        note = f"epoch {position.epoch + 1} of {recipe.epochs}, loss {position.loss_sum / position.seen:.3f}"
        done = position.epoch * len(lesson.train) + position.seen
        lesson.tell(Progress("training", done, recipe.epochs * len(lesson.train), note=note))
        if asked:
            raise stopped(keeper, position, wish)
        if due:
            keeper.write(position)
    team.share_buffers(learner.network, *([learner.kept] if learner.average else []))


def step(lesson: Lesson, learner: Learner, joined: nn.Module, rows: NDArray[np.int64], side: int) -> tuple[float, int]:
    """One step on the photos of these rows, this process's share of them: the sum of their losses, and how many were right."""
    recipe, team = lesson.recipe, lesson.team
    learner.optimiser.zero_grad(set_to_none=True)
    loss_sum, hits = 0.0, 0
    for few in np.array_split(team.mine(rows), pieces(len(rows), recipe, team.size)):
        labels = moved(torch.from_numpy(lesson.train.labels[few]), team.where)
        given = moved(lesson.train.see(few), team.where)
        if recipe.first_side:
            given = at_side(given, side)
        given, partners, share = mixed(given, labels, recipe.mixup, recipe.cutmix)
        scores = forward(lesson, joined, given)
        loss = mixed_loss(lesson.loss, scores, labels, partners, share)
        weight = mass(lesson, few) * team.size / mass(lesson, rows)  # a team's gradients become their mean
        (loss * weight).backward()  # type: ignore[no-untyped-call]
        loss_sum += loss.item() * len(few)
        hits += int((scores.argmax(1) == labels).sum())
    learner.optimiser.step()
    if learner.average is not None:
        learner.average.update(learner.network)
    return loss_sum, hits


def pieces(photos: int, recipe: Recipe, processes: int = 1) -> int:
    """In how many parts each process of a team takes a step of so many photos: two photos in each, for batch-norm, or more.

    >>> [pieces(photos, Recipe(batch=8, accumulate=2)) for photos in (16, 17, 8, 3)]
    [2, 2, 1, 1]
    """
    return max(1, min(recipe.accumulate, math.ceil(photos / recipe.batch), photos // (2 * processes)))


def mass(lesson: Lesson, rows: NDArray[np.int64]) -> float:
    """What these photos weigh in the mean that the loss takes."""
    return len(rows) if lesson.masses is None else float(lesson.masses[lesson.train.labels[rows]].sum())


def forward(lesson: Lesson, part: nn.Module, given: Tensor) -> Tensor:
    """Scores in fp32, computed in the lesson's precision."""
    with torch.autocast(lesson.team.where.type, torch.bfloat16, enabled=lesson.bf16):
        scores: Tensor = part(given)
    return scores.float()


def measured(lesson: Lesson, learner: Learner, position: Position, keeper: Keeper, wish: Wish) -> Epoch:
    """The epoch's line of history, with loss, accuracy and macro F1 on the watched split."""
    scores = scores_of(lesson, learner, position, keeper, wish)
    for what, tensors in (("scores", {"": scores}), ("weights", learner.kept.state_dict())):  # a ReLU hides a weight of -inf
        if not are_numbers(tensors):
            raise diverged(keeper, f"after epoch {position.epoch + 1} the network's {what} are no longer numbers")
    watched = lesson.watched
    said = Predictions(lesson.model.classes.names, watched.given.paths, watched.given.labels, scores.cpu().double().numpy())
    return Epoch(
        epoch=position.epoch + 1,
        train_loss=position.loss_sum / position.seen,
        train_accuracy=position.hits / position.seen,
        watched=watched.name,
        loss=float(watched.loss(scores, torch.from_numpy(watched.given.labels).to(scores.device))),
        accuracy=float((said.called == said.truth).mean()),
        macro_f1=macro_f1(said),
        photos_per_second=position.seen / max(position.seconds, 1e-9),
        seconds=position.seconds,
    )


@torch.no_grad()
def scores_of(lesson: Lesson, learner: Learner, position: Position, keeper: Keeper, wish: Wish) -> Tensor:
    """Scores of the watched photos, each by one process of the team: (N, K)."""
    given, team = lesson.watched.given, lesson.team
    part, rows, made = lesson.part(learner.kept).eval(), team.mine(np.arange(len(given))), []
    for start in range(0, len(rows), MEASURED_AT_ONCE):
        made.append(forward(lesson, part, moved(given.see(rows[start : start + MEASURED_AT_ONCE]), team.where)))
        lesson.tell(Progress(f"looking at {lesson.watched.name}", min((start + MEASURED_AT_ONCE) * team.size, len(given)), len(given)))
        if team.size == 1 and wish.signalled:  # a used-up time waits for the next step, or one shorter than this would never get on
            raise stopped(keeper, position, wish)
    return team.whole(torch.cat(made), len(given))


def stopped(keeper: Keeper, position: Position, wish: Wish) -> Stopped:
    """Keep all that was done, and say how to go on."""
    keeper.write(position)
    keeper.lesson.team.wait()
    reason, exit_code = keeper.lesson.team.agree(wish.reason or ("another process of the team", 130))
    epoch, step = (position.epoch + 1, f", step {position.step}") if position.step else (position.epoch, "")
    place = f"epoch {epoch} of {keeper.lesson.recipe.epochs}{step}"
    return Stopped(f"stopped by {reason} after {place}; all of it is in {keeper.path}. The same command goes on from there.", exit_code)


def diverged(keeper: Keeper, what: str) -> TrainingDiverged:
    """What became of the numbers, what still stands, and what to try."""
    recipe = keeper.lesson.recipe
    or_fp32 = ", or precision=fp32" if keeper.lesson.bf16 else ""
    last = f"\nThe last good state stands in {keeper.path}." if keeper.path.is_file() else ""
    return TrainingDiverged(f"{what}. Try a smaller lr than {recipe.lr:g}{or_fp32}.{last}")


def set_lr(optimiser: torch.optim.Optimizer, recipe: Recipe, position: Position, steps: int) -> None:
    """The learning rate of the step that comes, by the recipe's schedule."""
    factor = lr_factor(recipe.schedule, position.epoch * steps + position.step, recipe.epochs * steps, recipe.warmup_epochs * steps)
    for group in optimiser.param_groups:
        group["lr"] = recipe.lr * factor


def epoch_batches(labels: NDArray[np.int64], recipe: Recipe, epoch: int, least: int = 2) -> list[NDArray[np.int64]]:
    """The rows of each step of an epoch, from seed and epoch alone; a last batch of fewer than `least` joins the one before it."""
    order = draw_order(labels, recipe.sampling, np.random.default_rng([recipe.seed, epoch]))
    photos = recipe.batch * recipe.accumulate
    cuts = list(range(photos, len(order), photos))
    if cuts and len(order) - cuts[-1] < least:  # batch-norm has no spread to measure in one photo
        cuts.pop()
    return np.split(order, cuts)


def chance(seed: int, epoch: int, step: int, rank: int = 0) -> int:
    """The seed of one step in one process of a team: the same whether or not the run was stopped before it."""
    return int(np.random.SeedSequence([seed, epoch, step, *([rank] if rank else [])]).generate_state(1)[0])


def best_epoch(epochs: Sequence[Epoch]) -> int:
    """The number of the first epoch with the highest macro F1 on the watched split."""
    return max(epochs, key=lambda epoch: (epoch.macro_f1, -epoch.epoch)).epoch


def out_of_patience(epochs: Sequence[Epoch], patience: int | None) -> bool:
    return bool(patience and epochs and epochs[-1].epoch - best_epoch(epochs) >= patience)


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
