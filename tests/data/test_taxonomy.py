"""A taxonomy suggests, can be edited, and says where it is wrong."""

from __future__ import annotations

import pytest

from modiste.data.fashion_mnist import CLASSES, TYPES
from modiste.data.taxonomy import read_taxonomy
from modiste.records.catalogue import Suggestion
from modiste.records.errors import ModisteError
from modiste.records.labels import PAPER_CLASSES, Classes

GOOD = 'name = "hats"\nclasses = ["Hats", "Gloves"]\n\n[types]\nHats = ["Cap", "Beanies"]\nGloves = ["Mitten"]\n'


def test_the_packaged_one_knows_the_a100_prefixes_and_fashion_mnist():
    fashion = read_taxonomy(None)
    assert fashion.classes == PAPER_CLASSES
    prefixes = {
        "Clothing": "Top Pants Outwear Skirt Dress Jumpsuit",
        "Shoes": "Shoes",
        "Bags": "Bags",
        "Accessories": "Hat Scarf Jewellery Earrings Necklace Bracelet Ring Watch Sunglasses Belt Hairwear Gloves",
    }
    for name, words in prefixes.items():
        assert {fashion.suggest(word) for word in words.split()} == {name}
    assert {fashion.suggest(kind) for kind in TYPES} == set(CLASSES.names)


def test_capitals_hyphens_and_a_plural_make_no_difference(tmp_path):
    (tmp_path / "hats.toml").write_text(GOOD)
    hats = read_taxonomy(tmp_path / "hats.toml")
    for word in ("Cap", "caps", "CAPS", "beanie", "Beanies", "hat"):
        assert hats.suggest(word) == "Hats"
    assert hats.suggest("scarf") is None
    assert hats.suggest("") is None


def test_a_suggestion_names_its_source_and_speaks_the_catalogue_s_codes():
    fashion = read_taxonomy(None)
    assert fashion.suggestion("Pants") == Suggestion(1, "taxonomy fashion: Pants")
    assert fashion.suggestion("Pants", Classes(("Clothing", "Rest"))) == Suggestion(0, "taxonomy fashion: Pants")
    assert fashion.suggestion("Pants", Classes(("Hats", "Gloves"))) is None


@pytest.mark.parametrize(
    "change, said",
    [
        (("[types]", "[type]"), r"line 4: no key called 'type'.*Did you mean 'types'"),
        (("Gloves = [", "Glove = ["), r"line 6: no class called 'Glove'.*Did you mean 'Gloves'"),
        (('"Mitten"', '"Mitten", "cap"'), r"line 6: 'cap' stands under Hats and under Gloves"),
        (('"Mitten"', "1"), r"line 6: types.Gloves must be a list of words"),
        (('["Hats", "Gloves"]', '"Hats"'), r"line 2: classes must be a list"),
        (('"Beanies"]', '"Beanies"'), r"line 6"),
        (('"Mitten"', '"--"'), r"neither letter nor digit"),
    ],
)
def test_a_wrong_file_is_refused_with_line_and_near_name(tmp_path, change, said):
    (tmp_path / "hats.toml").write_text(GOOD.replace(*change))
    with pytest.raises(ModisteError, match=said):
        read_taxonomy(tmp_path / "hats.toml")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ModisteError, match=r"none\.toml: No such file"):
        read_taxonomy(tmp_path / "none.toml")
