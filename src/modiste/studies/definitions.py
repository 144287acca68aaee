"""The studies modiste knows: a question, its variants, its seeds, the tables that answer it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from modiste.evaluation.claims import Claim
from modiste.models.variants import VARIANTS
from modiste.records.errors import ModisteError, UsageError, unknown
from modiste.records.recipe import PRESETS, Network, Pixels, Recipe
from modiste.records.run import CONTENT
from modiste.studies.claimed import FROM_IDENTITY, PAPER_CLAIMS, UNFREEZING_CLAIMS
from modiste.studies.settings import become_one, in_proportion, refuse_idle, refuse_seed

TABLES = ("3", "4", "5", "6", "7", "summary", "pilot", "fair-lr")
LONGEST_NAME = 200  # bytes: file systems take 255
RATES = (3e-5, 1e-4, 3e-4, 1e-3)


@dataclass(frozen=True)
class Study:
    """A recipe a variant, to be run with every seed; `tables` are names of TABLES, in the order they are shown.

    Where `choices` names some, each name stands for the best of its variants on validation, and the claims speak of those names.
    """

    name: str
    question: str
    recipes: Mapping[str, Recipe]
    seeds: tuple[int, ...] = (0,)
    tables: tuple[str, ...] = ("summary",)
    notes: tuple[str, ...] = ()
    note: str = ""  # of whoever runs it: stands before all else in the report
    claims: tuple[Claim, ...] = ()
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    given: frozenset[str] = frozenset()  # settings by name that its file, or whoever runs it, gave

    def __post_init__(self) -> None:
        if not self.name or self.name.startswith(".") or set(self.name) & set("/\\"):
            raise ModisteError(f"a study's name becomes a folder: '{self.name}' must not be empty, open with a dot or hold a slash.")
        if not self.name.isprintable() or len(self.name.encode("utf-8", "surrogateescape")) > LONGEST_NAME:
            raise ModisteError(f"a study's name becomes a folder: {self.name[:40]!r} must be of at most {LONGEST_NAME} printable letters.")
        if not self.recipes:
            raise ModisteError(f"study '{self.name}' has no variants.")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ModisteError(f"study '{self.name}': seeds must be different numbers, one or more; given {list(self.seeds)}.")
        if odd := [seed for seed in self.seeds if not 0 <= seed < 2**32]:
            raise ModisteError(f"study '{self.name}': a seed of {odd[0]} is none: seeds are 0 or more, and below 2**32.")
        for table in self.tables:
            if table not in TABLES:
                raise unknown("table", table, TABLES)
        if "pilot" in self.tables and (self.claims or len(self.tables) > 1):
            what = "claims" if self.claims else f"the table '{next(table for table in self.tables if table != 'pilot')}'"
            raise UsageError(
                f"study '{self.name}': a pilot looks at validation alone, and {what} would be judged on test. Leave it to another study."
            )
        if "fair-lr" in self.tables and not self.choices:
            raise UsageError(f"study '{self.name}': the table 'fair-lr' shows what was chosen on validation; this study chooses nothing.")

    def changed(self, settings: Mapping[str, Any]) -> Study:
        """The same study with some settings of every recipe changed.

        `pixels.side` is that of the first variant; another's stays in proportion to it: 224 and 244 px become 112 and 122. A setting
        that variants differ in is refused: they would be one network under several names; and so is one that none of them reads.
        """
        refuse_seed(settings)
        first = next(iter(self.recipes.values()))
        recipes = {name: recipe.changed(in_proportion(settings, recipe, first)) for name, recipe in self.recipes.items()}
        if one := become_one(self.recipes, recipes):
            given = ", ".join(f"{key}={value}" for key, value in settings.items())
            raise UsageError(f"{given}: {' and '.join(one)} would be one network under two names: study '{self.name}' compares just that.")
        refuse_idle(settings, self.recipes)
        return replace(self, recipes=recipes, given=self.given | {key.removeprefix("recipe.") for key in settings})

    def starting_from(self, weights: str | None) -> Study:
        """The pretrained variants started from other weights: a file, or 'none', which trains them whole (decision 0014)."""
        if weights is None:
            return self

        def restarted(recipe: Recipe) -> Recipe:
            network = recipe.network
            if network.weights == "none":
                return recipe
            frozen = network.frozen and weights != "none"
            return replace(recipe, network=replace(network, weights=weights, frozen=frozen))

        names = ", ".join(name for name, recipe in self.recipes.items() if recipe.network.weights != "none")
        if not names and weights != "none":
            raise UsageError(
                f"--weights {weights}: no variant here starts from pretrained weights. For one that should: --set network.weights={weights}"
            )
        if not names:
            return self
        file = f"a file of SHA-256 {weights[7:19]}…" if CONTENT.fullmatch(weights) else weights
        how = "no weights: from scratch, nothing frozen" if weights == "none" else f"the weights in {file}"
        notes = () if weights == "imagenet" else (f"{names} started from {how}, not from ImageNet's.",)
        recipes = {name: restarted(recipe) for name, recipe in self.recipes.items()}
        if one := become_one(self.recipes, recipes):
            raise UsageError(
                f"--weights {weights}: study '{self.name}' compares where networks start from, or what is frozen; so started, "
                f"{' and '.join(one)} would be one network under two names."
            )
        return replace(self, recipes=recipes, notes=(*self.notes, *notes))

    def planned(self) -> list[tuple[str, Recipe]]:
        """Every run of the study, first seed first."""
        return [(name, replace(recipe, seed=seed)) for seed in self.seeds for name, recipe in self.recipes.items()]


def variants(*names: str, preset: str = "paper") -> dict[str, Recipe]:
    """Recipes of a preset for named variants of Table 7, or for all of them and 5Conv_SVM."""
    if preset not in PRESETS:
        raise unknown("preset", preset, PRESETS)
    recipe = PRESETS[preset]()
    for name in names:
        if name not in VARIANTS:
            raise unknown("variant", name, VARIANTS)
    return {name: replace(recipe, network=VARIANTS[name]) for name in names or VARIANTS}


def paper() -> Study:
    return Study(
        "paper",
        "Which of the paper's twelve networks classifies fashion products best, and by how much?",
        variants(),
        tables=("7", "3", "4", "5", "6", "summary"),
        claims=PAPER_CLAIMS,
    )


def sound() -> Study:
    return Study(
        "sound",
        "The paper's networks, each stopped and chosen by a validation split instead of after 19 epochs.",
        variants(preset="sound"),
        tables=("summary", "7"),
        claims=PAPER_CLAIMS,
    )


def pilot() -> Study:
    """The paper's pilot: which augmentation, how many epochs. It looks at validation only."""
    recipe = replace(Recipe(), validation=0.15)
    choices: dict[str, tuple[str, ...]] = {
        "none": (),
        "flip": ("flip",),
        "crop": ("crop",),
        "rotate": ("rotate",),
        "colour": ("colour",),
        "flip + crop": ("flip", "crop"),
        "flip + crop + colour": ("flip", "crop", "colour"),
        "trivialaugment": ("trivialaugment",),
    }
    recipes = {name: replace(recipe, augment=augment) for name, augment in choices.items()}
    return Study("pilot", "Which augmentation, and how many epochs? (AlexNet, judged on a validation split)", recipes, tables=("pilot",))


def stand_in() -> Study:
    """ResNet-18 from scratch on a catalogue's article types: weights to start from where ImageNet's cannot be had.

    They say of no result that they are ImageNet's: they know products alone, from small photos.
    """
    recipe = replace(
        Recipe(network=Network(backbone="resnet18"), pixels=Pixels(side=112, colour="rgb", normalise="imagenet")),
        augment=("flip", "crop"),
        sampling="shuffled",
        lr=1e-3,
        schedule="one_cycle",
        batch=64,
        epochs=8,
        label_smoothing=0.1,
        first_side=64,
    )
    question = "Can a ResNet-18 learn article types from scratch, to stand in for ImageNet's weights?"
    return Study("stand-in", question, {"ResNet-18, from scratch": recipe}, tables=("summary",))


def attention_vs_unfreezing() -> Study:
    """The paper's best result, taken apart (decision 0009): frozen or not, and no CBAM, CBAM, or CBAM that starts as the identity.

    Behind eight blocks a fresh CBAM lets next to nothing through (decision 0013), so the third is the fairer test of attention.
    """
    bare = VARIANTS["Resnet (baseline)"]
    attention = {
        "": bare,
        " + CBAM": replace(bare, attention="cbam"),
        f" + {FROM_IDENTITY}": replace(bare, attention="cbam", identity_at_init=True),
    }
    networks = {
        f"{word}{name}": replace(one, frozen=word == "frozen") for word in ("frozen", "unfrozen") for name, one in attention.items()
    }
    return Study(
        "attention-vs-unfreezing",
        "Is it CBAM that improves ResNet-18, or that its convolutions may learn?",
        {name: replace(Recipe(), network=network) for name, network in networks.items()},
        claims=UNFREEZING_CLAIMS,
    )


def sensitivity() -> Study:
    """What the paper leaves open, one reading at a time, around its AlexNet: each row differs from the baseline in one setting."""
    baseline = "AlexNet (baseline)"
    readings: dict[str, dict[str, Any]] = {
        "larger pictures (244 for 224)": {"pixels.side": 244},  # decision 0002
        "rgb": {"pixels.colour": "rgb"},  # decision 0003
        "two-stage SVM": {"network.head": "svm"},  # decision 0007
        "hinge loss": {"network.head": "hinge"},
        "no weighted sampler": {"sampling": "shuffled"},  # decision 0008
    }
    return Study(
        "sensitivity",
        "How much do the readings of the paper move a result? (AlexNet, one setting changed at a time)",
        {baseline: Recipe(), **{name: Recipe().changed(settings) for name, settings in readings.items()}},
        claims=tuple(Claim(f"Better than the preset: {name}", of=name, over=baseline) for name in readings),
    )


def fair_lr() -> Study:
    """Every network of Table 7 at its own best learning rate: a rate that suits the baseline may wrong the others.

    The rate is chosen by macro F1 on a validation split carved from train; the chosen one alone is judged on test.
    """
    recipe = replace(Recipe(), validation=0.15)
    recipes: dict[str, Recipe] = {}
    choices: dict[str, tuple[str, ...]] = {}
    for name, network in VARIANTS.items():
        of_rate = {f"{name}, lr {rate:g}": replace(recipe, network=network, lr=rate) for rate in RATES}
        recipes |= of_rate
        choices[name] = tuple(of_rate)
    question = "Which network is best when each is trained at the learning rate that suits it?"
    return Study("fair-lr", question, recipes, tables=("fair-lr",), claims=PAPER_CLAIMS, choices=choices)


def bundled() -> Study:
    """The candidates for the model that ships: each from weights that know more than the four classes, on photos in all surroundings.

    Its catalogue has a fifth class, Other: what is no fashion product. `script/gather` makes it.
    """
    shared = replace(
        Recipe(),
        augment=("flip", "crop", "scene", "phone"),
        optimiser="adamw",
        weight_decay=0.02,
        schedule="one_cycle",
        batch=64,
        epochs=2,
        label_smoothing=0.05,
        ema=0.995,
    )
    lite = Network(backbone="efficientnet_lite0", weights="imagenet", dropout=0.2)
    resnet = Network(backbone="resnet18", weights="imagenet", attention="cbam", identity_at_init=True)
    recipes = {
        "EfficientNet-Lite0": replace(
            shared, network=lite, pixels=Pixels(side=192, colour="rgb", normalise="half"), lr=5e-4, precision="fp32", first_side=128
        ),
        "ResNet-18 + CBAM": replace(shared, network=resnet, pixels=Pixels(side=128, colour="rgb", normalise="imagenet"), lr=5e-4),
    }
    return Study("bundled", "Which network should ship: quick, small, and right on photos taken at home?", recipes, tables=("summary",))


STUDIES: dict[str, Callable[[], Study]] = {
    "paper": paper,
    "sound": sound,
    "pilot": pilot,
    "stand-in": stand_in,
    "attention-vs-unfreezing": attention_vs_unfreezing,
    "sensitivity": sensitivity,
    "fair-lr": fair_lr,
    "bundled": bundled,
}
