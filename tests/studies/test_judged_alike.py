"""Variants of one study are judged on the same photos, or refused before anything is trained."""

from dataclasses import replace
from pathlib import Path

import pytest

from modiste.models.variants import VARIANTS
from modiste.records.catalogue import TEST, Catalogue
from modiste.records.errors import ModisteError
from modiste.records.recipe import Recipe
from modiste.studies import finish
from modiste.studies.definitions import Study


def test_variants_that_carve_other_photos_are_refused_where_there_is_no_test(
    drawn: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Trained(Exception):
        pass

    def begun(*_: object) -> None:
        raise Trained

    monkeypatch.setattr(finish, "fit", begun)
    recipes = {f"{share:g}": replace(Recipe(network=VARIANTS["3Conv_Softmax"]), validation=share) for share in (0.2, 0.4)}
    study = Study("carved", "Which?", recipes)
    without_test = drawn.with_photos(photo for photo in drawn.photos if photo.split != TEST)
    with pytest.raises(ModisteError, match="different photos aside"):
        finish.finish(study, without_test, tmp_path)
    for some, catalogue in ((study, drawn), (replace(study, tables=("pilot",)), without_test)):
        with pytest.raises(Trained):
            finish.finish(some, catalogue, tmp_path)
