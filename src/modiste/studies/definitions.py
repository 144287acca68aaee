"""The studies modiste knows: a question, its variants, its seeds, the tables that answer it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from modiste.models.variants import VARIANTS
from modiste.records.errors import ModisteError, UsageError, unknown
from modiste.records.recipe import PRESETS, Network, Pixels, Recipe

TABLES = ("3", "4", "5", "6", "7", "summary", "pilot")


@dataclass(frozen=True)
class Study:
    """A recipe a variant, to be run with every seed; `tables` are names of TABLES, in the order they are shown."""

    name: str
    question: str
    recipes: Mapping[str, Recipe]
    seeds: tuple[int, ...] = (0,)
    tables: tuple[str, ...] = ("summary",)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name or self.name.startswith(".") or set(self.name) & set("/\\"):
            raise ModisteError(f"a study's name becomes a folder: '{self.name}' must not be empty, open with a dot or hold a slash.")
        if not self.recipes:
            raise ModisteError(f"study '{self.name}' has no variants.")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ModisteError(f"study '{self.name}': seeds must be different numbers, one or more; given {list(self.seeds)}.")
        for table in self.tables:
            if table not in TABLES:
                raise unknown("table", table, TABLES)

    def changed(self, settings: Mapping[str, Any]) -> Study:
        """The same study with some settings of every recipe changed."""
        refuse_seed(settings)
        return replace(self, recipes={name: recipe.changed(settings) for name, recipe in self.recipes.items()})

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
        if not names or weights == "imagenet":
            return self
        how = "no weights: from scratch, nothing frozen" if weights == "none" else f"the weights in {weights}"
        note = f"{names} started from {how}, not from ImageNet's."
        return replace(self, recipes={name: restarted(recipe) for name, recipe in self.recipes.items()}, notes=(*self.notes, note))

    def planned(self) -> list[tuple[str, Recipe]]:
        """Every run of the study, first seed first."""
        return [(name, replace(recipe, seed=seed)) for seed in self.seeds for name, recipe in self.recipes.items()]


def refuse_seed(settings: Iterable[str]) -> None:
    """The seed of a run is the study's to give: a recipe's own would be overwritten."""
    if any(key.removeprefix("recipe.") == "seed" for key in settings):
        raise UsageError("seed is not changed so. Give --seeds 0,5 (study), --seed 5 (train), or seeds = [0, 5] in a study file.")


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
    )


def sound() -> Study:
    return Study(
        "sound",
        "The paper's networks, each stopped and chosen by a validation split instead of after 19 epochs.",
        variants(preset="sound"),
        tables=("summary", "7"),
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


STUDIES: dict[str, Callable[[], Study]] = {"paper": paper, "sound": sound, "pilot": pilot, "stand-in": stand_in}
