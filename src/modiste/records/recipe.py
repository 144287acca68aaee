"""A recipe: everything that decides a result, as plain frozen values. Defaults are the preset `paper`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

from modiste.records.errors import ModisteError, UsageError, unknown
from modiste.records.plain import changed, flat, from_plain, to_plain

COLOURS = {"grey3": 3, "rgb": 3, "grey1": 1}  # channels the network sees; grey3 is grey in three equal channels
FITS = ("squash", "letterbox", "crop")
NORMALISE = ("auto", "imagenet", "half", "data", "none")
SAMPLING = ("weighted", "shuffled")
PLACES = ("after", "inside", "stages")
SELECT = ("last", "best")
PRECISION = ("auto", "bf16", "fp32")
SCHEDULES = ("constant", "cosine", "one_cycle")


@dataclass(frozen=True)
class Network:
    """Which network to build. The names are those of BACKBONES, ATTENTION and HEADS, checked where it is built."""

    backbone: str = "alexnet"
    convs: int = 5  # alexnet: 3 to 6
    widths: str = "torchvision"  # alexnet: torchvision (64-192-384-256-256) or 2012 (96-256-384-384-256, with LRN)
    attention: str = "none"
    ratio: int = 16  # cbam: channels / hidden units of the shared MLP
    kernel: int = 7  # cbam: side of the spatial convolution, odd
    after_convs: tuple[int, ...] = (3, 4, 5)  # alexnet: attention after these convolutions
    place: str = "after"  # resnet18: after each block, inside it before the addition (Woo et al.), or after the 4 stages
    gate_norm: bool = False  # cbam: batch-norm behind the spatial convolution, as in the original code
    identity_at_init: bool = False  # attention starts as x -> x, so that a pretrained backbone is not disturbed
    head: str = "softmax"
    svm_c: float | None = None  # svm, rbf_svm: None chooses C by cross-validation on train
    dropout: float = 0.5  # alexnet, efficientnet_lite0
    weights: str = "none"  # none, imagenet, or a .safetensors / .pth file
    frozen: bool = False  # convolutions and batch-norm do not learn; attention and linear layers do (decision 0009)

    def __post_init__(self) -> None:
        demand(3 <= self.convs <= 6, f"network.convs = {self.convs}: AlexNet is built with 3, 4, 5 or 6 convolutions.")
        demand(self.kernel % 2 == 1 and 0 < self.kernel <= 31, f"network.kernel = {self.kernel}: CBAM's kernel must be odd, up to 31.")
        demand(self.ratio >= 1, f"network.ratio = {self.ratio}: must be 1 or more.")
        demand(0 <= self.dropout < 1, f"network.dropout = {self.dropout}: must be in [0, 1).")
        demand(self.svm_c is None or (self.svm_c > 0 and isfinite(self.svm_c)), f"network.svm_c = {self.svm_c}: must be above 0.")
        among("network.place", self.place, PLACES)


@dataclass(frozen=True)
class Pixels:
    """How a photo becomes the network's input: the same when training and when answering, so it is saved with the model."""

    side: int = 224
    colour: str = "grey3"
    fit: str = "squash"
    normalise: str = "auto"  # imagenet constants for a pretrained backbone, the training photos' own from scratch; half: -1 to 1
    strict: bool = True  # a damaged or cut photo is refused; else it is decoded as far as it goes
    mean: tuple[float, ...] = field(default=(), repr=False)  # of pixels in 0..1, for all channels or one a channel, instead of normalise:
    std: tuple[float, ...] = field(default=(), repr=False)  # for weights that were made with constants of their own

    def __post_init__(self) -> None:
        demand(32 <= self.side <= 1024, f"pixels.side = {self.side}: must be 32 to 1024.")
        among("pixels.colour", self.colour, COLOURS)
        among("pixels.fit", self.fit, FITS)
        among("pixels.normalise", self.normalise, NORMALISE)
        for name, values, least in (("mean", self.mean, 0.0), ("std", self.std, 1e-6)):
            words = " ".join(f"{value:g}" for value in values)
            demand(
                len(values) in (0, 1, self.channels),
                f"pixels.{name} = {words}: give one number, or one for each of {self.channels} channels (pixels.colour={self.colour}).",
            )
            demand(
                all(least <= value <= 1 for value in values),
                f"pixels.{name} = {words}: of pixels from 0 to 1. Where it is told for pixels from 0 to 255, divide it by 255.",
            )
            demand(not values or self.normalise == "auto", f"pixels.{name} stands instead of pixels.normalise={self.normalise}: give one.")

    @property
    def channels(self) -> int:
        return COLOURS[self.colour]

    @property
    def constants(self) -> tuple[list[float], list[float]] | None:
        """Mean and standard deviation a channel where they are given; none where `normalise` says them."""
        self.check_constants()
        one, other = ([*values] * (self.channels // len(values)) if values else [] for values in (self.mean, self.std))
        return (one, other) if one else None

    def check_constants(self) -> None:
        """Refuse one without the other; settings are changed one by one, so this is asked when all are there."""
        if bool(self.mean) != bool(self.std):
            raise UsageError("pixels.mean and pixels.std belong together: give both, or neither.")


@dataclass(frozen=True)
class Recipe:
    """How one run is trained. Paper: Adam at 1e-4, batch 32, 19 full passes, weighted sampling (sections 4.1.3 and 4.4).

    What the paper does not name is off: schedule, warm-up, averaging, smoothing, mixing, accumulation, growing pictures.
    """

    network: Network = field(default_factory=Network)
    pixels: Pixels = field(default_factory=Pixels)
    augment: tuple[str, ...] = ()
    sampling: str = "weighted"
    loss: str = "cross_entropy"
    optimiser: str = "adam"
    lr: float = 1e-4
    weight_decay: float = 0.0
    schedule: str = "constant"  # of lr over the steps: cosine falls to 0; one_cycle climbs from lr/25 to lr, then falls to 0
    warmup_epochs: float = 0.0  # lr climbs in a straight line for so long, then the schedule begins
    batch: int = 32
    accumulate: int = 1  # batches whose gradients make one step: as batch * accumulate photos at once, in less memory
    epochs: int = 19
    validation: float = 0.0  # share of train set aside; photos of one product stay together
    label_smoothing: float = 0.0  # share of the truth spread over all classes
    mixup: float = 0.0  # alpha of the Beta that says how much of two photos is mixed (Zhang et al. 2018); 0 is off
    cutmix: float = 0.0  # alpha of the Beta that says how much of a photo is replaced (Yun et al. 2019); 0 is off
    ema: float = 0.0  # decay a step of the running mean of the weights, which is then what is measured and kept; 0 is off
    first_side: int | None = None  # pictures grow from this side to pixels.side over the first three quarters of the epochs
    select: str = "last"  # the weights kept: last epoch's, or those with the best macro F1 on validation
    patience: int | None = None  # stop after so many epochs without a better macro F1 on validation
    precision: str = "auto"  # bf16 where the processor multiplies it in hardware, else fp32
    seed: int = 0
    split_seed: int = 0  # of the carving of validation, apart so that seeds are compared on one split

    def __post_init__(self) -> None:
        among("sampling", self.sampling, SAMPLING)
        among("select", self.select, SELECT)
        among("precision", self.precision, PRECISION)
        demand(self.lr > 0 and isfinite(self.lr), f"lr = {self.lr}: must be above 0.")
        demand(self.weight_decay >= 0 and isfinite(self.weight_decay), f"weight_decay = {self.weight_decay}: must be 0 or more.")
        demand(self.batch >= 1, f"batch = {self.batch}: must be 1 or more.")
        demand(self.epochs >= 1, f"epochs = {self.epochs}: must be 1 or more.")
        among("schedule", self.schedule, SCHEDULES)
        demand(0 <= self.warmup_epochs < self.epochs, f"warmup_epochs = {self.warmup_epochs}: must be 0 or more, and fewer than epochs.")
        demand(self.accumulate >= 1, f"accumulate = {self.accumulate}: must be 1 or more.")
        demand(0 <= self.label_smoothing < 1, f"label_smoothing = {self.label_smoothing}: must be in [0, 1).")
        for name in ("mixup", "cutmix"):
            alpha = getattr(self, name)
            demand(alpha == 0 or 0.01 <= alpha <= 1e6, f"{name} = {alpha}: must be 0 (off), or 0.01 to 1e6.")
        demand(0 <= self.ema < 1, f"ema = {self.ema}: a decay a step, in [0, 1); 0.999 is usual, 0 is off.")
        side = self.first_side
        demand(side is None or 32 <= side <= self.pixels.side, f"first_side = {side}: must be 32 to pixels.side ({self.pixels.side}).")
        demand(0 <= self.validation < 0.9, f"validation = {self.validation}: a share of train, in [0, 0.9).")
        demand(self.patience is None or self.patience >= 1, f"patience = {self.patience}: must be 1 or more, or none.")
        demand(0 <= self.seed < 2**32 and 0 <= self.split_seed < 2**32, "seed and split_seed must be 0 or more, and below 2**32.")

    @classmethod
    def parse(cls, plain: Mapping[str, Any], where: str = "recipe") -> Recipe:
        """A recipe from plain values (a JSON or TOML table); an unknown key is an error that offers the near name."""
        return from_plain(cls, plain, where)

    def plain(self) -> dict[str, Any]:
        """The recipe as plain values, for JSON."""
        made: dict[str, Any] = to_plain(self)
        return made

    def changed(self, settings: Mapping[str, Any], where: str = "recipe") -> Recipe:
        """The same recipe with some settings changed; a table of settings changes those that stand in it, and leaves the others.

        >>> Recipe().changed({"pixels.side": "112", "lr": 0.001}).pixels.side
        112
        >>> Recipe(network=Network(convs=3)).changed({"network": {"head": "svm"}}).network.convs
        3
        """
        recipe, left = self, flat(settings)
        while left:  # one may be right only after another: first_side=256 after pixels.side=320
            refused: dict[str, ModisteError] = {}
            for key, value in left.items():
                try:
                    recipe = changed(recipe, key.removeprefix("recipe."), value, where)
                except ModisteError as error:
                    refused[key] = error
            if len(refused) == len(left):
                raise next(iter(refused.values()))
            left = {key: left[key] for key in refused}
        return recipe


def sound() -> Recipe:
    """What we would do instead of the paper: a validation split, early stopping, the best epoch by macro F1."""
    return replace(Recipe(), validation=0.15, select="best", patience=5, epochs=60)


PRESETS: dict[str, Callable[[], Recipe]] = {"paper": Recipe, "sound": sound}


def demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ModisteError(f"recipe: {otherwise}")


def among(key: str, name: str, names: tuple[str, ...] | Mapping[str, Any]) -> None:
    if name not in names:
        raise unknown(key, name, names)
