"""A study in words: nothing is said of all models that holds for some."""

from types import SimpleNamespace

import pytest

from modiste.studies.in_words import trust


@pytest.mark.parametrize(
    ("seeds", "opening", "of_one"),
    [
        ((1, 1), "One seed a model", True),
        ((3, 3), "3 seeds a model", False),
        ((3, 1), "1 to 3 seeds a model", True),
        ((3, 3, 2, 2, 1), "1 to 3 seeds a model", False),  # four models tell how much a fifth varies
    ],
)
def test_what_seeds_were_looked_at_is_said_of_the_models_that_had_them(seeds: tuple[int, ...], opening: str, of_one: bool) -> None:
    """A study stopped between two seeds has models of one and of several."""
    shown = {f"model {place}": [None] * count for place, count in enumerate(seeds)}
    said = trust(SimpleNamespace(shown=shown))  # type: ignore[arg-type]
    assert said.startswith(f"{opening}: ")
    assert ("not what training again would" in said or "of a model with one seed" in said) == of_one
    assert ("other seeds would change" in said) == (max(seeds) > 1)
