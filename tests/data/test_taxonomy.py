"""A taxonomy suggests, can be edited, and says where it is wrong."""

from __future__ import annotations

import pytest

from modiste.data.samples.fashion_mnist import CLASSES, TYPES
from modiste.data.suggest import LEVELS
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


def test_it_speaks_of_classes_however_they_are_spelled():
    fashion, small = read_taxonomy(None), Classes(("bags", "SHOES"))
    assert fashion.suggestion("Sneakers", small) == Suggestion(1, "taxonomy fashion: Sneakers")
    assert fashion.suggestion_of({"type": "Shirts"}, small) is None


def test_a_suggestion_names_its_source_and_speaks_the_catalogue_s_codes():
    fashion = read_taxonomy(None)
    assert fashion.suggestion("Pants") == Suggestion(1, "taxonomy fashion: Pants")
    assert fashion.suggestion("Pants", Classes(("Clothing", "Rest"))) == Suggestion(0, "taxonomy fashion: Pants")
    assert fashion.suggestion("Pants", Classes(("Hats", "Gloves"))) is None


@pytest.mark.parametrize(
    "change, said",
    [
        (("[types]", "[type]"), r"line 4: no key called 'type'.*Did you mean 'types'"),
        (("Gloves = [", "Glove = ["), r"line 6: no class or group called 'Glove'.*Did you mean 'Gloves'"),
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


LEVELLED = """
name = "hats"
classes = ["Hats", "Gloves"]
others = ["Perfume"]
[parents]
Straw = "Hats"
Warm = "Hats"
Fur = "Warm"
[types]
Straw = [["Boater", "Skimmer"], "Panama"]
Fur = ["Ushanka"]
Hats = [["Hats", "Headgear"], "Top hat"]
Gloves = ["Mitten"]
[prefixes]
"H-" = "Hats"
"H-P" = "Panama"
"""


@pytest.fixture
def levelled(tmp_path):
    (tmp_path / "hats.toml").write_text(LEVELLED)
    return lambda level: read_taxonomy(tmp_path / "hats.toml", level)


def test_each_level_has_its_own_classes_and_says_nothing_of_words_too_general_for_it(levelled):
    words = ("Boater", "skimmers", "Ushanka", "Top hat", "Headgear", "Straw", "Mitten")
    assert [levelled("class").suggest(word) for word in words] == ["Hats"] * 6 + ["Gloves"]
    assert levelled("group").classes.names == ("Straw", "Warm")
    assert [levelled("group").suggest(word) for word in words] == ["Straw", "Straw", "Warm", None, None, "Straw", None]
    assert levelled("type").classes.names == ("Boater", "Panama", "Ushanka", "Top hat", "Mitten")
    assert [levelled("type").suggest(word) for word in words] == ["Boater", "Boater", "Ushanka", "Top hat", None, None, "Mitten"]


def test_every_type_of_the_packaged_one_has_one_class_at_every_level_that_it_is_known_at():
    at = {level: read_taxonomy(None, level) for level in LEVELS}
    assert [len(taxonomy.classes) for taxonomy in at.values()] == sorted(len(taxonomy.classes) for taxonomy in at.values())
    for kind in at["type"].classes.names:
        assert at["type"].suggest(kind) == kind
        group, name = at["group"].suggest(kind), at["class"].suggest(kind)
        assert name in PAPER_CLASSES.names
        assert group is None or at["class"].suggest(group) == name


def test_columns_go_before_ids_and_ids_before_titles(levelled):
    hats = levelled("class")
    everything = {"article_type": "Mitten", "title": "Blue boater"}
    assert hats.suggestion_of(everything, product="H-1") == Suggestion(1, "taxonomy hats: article_type 'Mitten'")
    assert hats.suggestion_of({"article_type": "???", "title": "Mittens"}, product="H-1").by == "taxonomy hats: id 'H-1' begins with 'H-'"
    assert hats.suggestion_of({"title": "Blue boaters, gift mittens"}) == Suggestion(0, "taxonomy hats: title says 'boaters'")
    assert hats.suggestion_of({"category": "All > Headgear > Summer"}) == Suggestion(0, "taxonomy hats: category 'All > Headgear > Summer'")
    assert levelled("type").suggestion_of({}, product="H-P7").label == 1
    assert hats.suggestion_of({"article_type": "???"}) is None


def test_what_a_column_says_is_none_of_the_classes_gets_no_suggestion(levelled):
    assert levelled("class").suggestion_of({"article_type": "Mitten", "master_category": "perfumes"}) is None


@pytest.mark.parametrize(
    "title, word",
    [
        ("Palm Tree Girls Sp Jace Sko White Skirts", "Skirts"),
        ("Nike Men Black Belt with Steel Watch", "Belt"),
        ("Ankle boot cut jeans", "jeans"),
        ("Puma Unisex Black Laptop Bag", "Laptop Bag"),
        ("With love: a Scarf", "Scarf"),
        ("Denim in blue", ""),
    ],
)
def test_a_title_s_last_type_before_a_with_is_the_product(title, word):
    assert read_taxonomy(None).word_in(title) == word


@pytest.mark.parametrize(
    "change, said",
    [
        (('Straw = "Hats"', 'Straw = "Hat"'), r"line 6: no class or group called 'Hat'.*Did you mean 'Hats'"),
        (('Warm = "Hats"', 'Warm = "Fur"'), r"line 7: 'Warm' leads to no class: the groups above it go in a circle"),
        (('Fur = "Warm"', 'Hats = "Gloves"'), r"'Hats' is a class and cannot stand under Gloves"),
        (('"H-P" = "Panama"', '"H-P" = "Panam"'), r"line 16: prefix 'H-P': no class, group or type called 'Panam'.*Did you mean 'Panama'"),
        (('others = ["Perfume"]', 'others = ["Panamas", "panama"]'), r"'panama' stands under .*others"),
        (('["Boater", "Skimmer"]', '["Boater", "Straw"]'), r"'Straw' stands under Straw and under Straw|stands under"),
    ],
)
def test_a_wrong_tree_is_refused_with_its_line(tmp_path, change, said):
    assert change[0] in LEVELLED
    (tmp_path / "hats.toml").write_text(LEVELLED.replace(*change))
    with pytest.raises(ModisteError, match=said):
        read_taxonomy(tmp_path / "hats.toml")


def test_an_unknown_level_is_named():
    with pytest.raises(ModisteError, match="Did you mean 'type'"):
        read_taxonomy(None, "types")
