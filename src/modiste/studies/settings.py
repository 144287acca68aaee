"""Settings that are given for all variants of a study at once: what they may change, and which are refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

from modiste.records.errors import ModisteError, UsageError
from modiste.records.recipe import Recipe
from modiste.records.run import meant


def in_proportion(settings: Mapping[str, Any], recipe: Recipe, first: Recipe) -> dict[str, Any]:
    """The settings with the side that a variant of another side than the first's is to have."""
    keys = [key for key in settings if key.removeprefix("recipe.") == "pixels.side"]
    if not keys or recipe.pixels.side == first.pixels.side:
        return dict(settings)
    side = first.changed(settings).pixels.side * recipe.pixels.side / first.pixels.side
    return {**settings, keys[-1]: round(side)}


def become_one(before: Mapping[str, Recipe], after: Mapping[str, Recipe]) -> tuple[str, ...]:
    """Two variants that were different networks and are the same one now; none where there are no such."""
    for name, other in combinations(before, 2):
        if at_work(before[name]) != at_work(before[other]) and at_work(after[name]) == at_work(after[other]):
            return name, other
    return ()


def at_work(recipe: Recipe) -> Recipe:
    """The recipe with every setting that nothing reads at its default."""
    return meant(recipe if recipe.validation else replace(recipe, split_seed=Recipe().split_seed))


def refuse_seed(settings: Iterable[str]) -> None:
    """The seed of a run is the study's to give: a recipe's own would be overwritten."""
    if any(key.removeprefix("recipe.") == "seed" for key in settings):
        raise UsageError("seed is not changed so. Give --seeds 0,5 (study), --seed 5 (train), or seeds = [0, 5] in a study file.")


def refuse_idle(settings: Mapping[str, Any], recipes: Mapping[str, Recipe]) -> None:
    """Refuse a setting that no variant reads, such as CBAM's kernel where none has CBAM: who gave it believes that it does something.

    >>> refuse_idle({"network.kernel": 3}, {"AlexNet": Recipe()})
    Traceback (most recent call last):
    modiste.records.errors.UsageError: network.kernel=3 would change nothing: AlexNet does not read it. Leave it away.
    """
    for key, value in settings.items():
        rest = {other: given for other, given in settings.items() if other != key}
        pairs = [(recipe.changed(settings), without) for recipe in recipes.values() if (without := changed_by(rest, recipe))]
        if len(pairs) < len(recipes) or all(one == other for one, other in pairs):
            continue
        if all(at_work(one) == at_work(other) for one, other in pairs):
            who = f"{next(iter(recipes))} does not read it" if len(recipes) == 1 else "no variant here reads it"
            raise UsageError(f"{key}={value} would change nothing: {who}. Leave it away.")


def changed_by(settings: Mapping[str, Any], recipe: Recipe) -> Recipe | None:
    """The recipe with these settings; none where they are right only together with another."""
    try:
        return recipe.changed(settings)
    except ModisteError:
        return None
