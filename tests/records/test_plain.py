"""Plain values: what a recipe, a study file and a command line may say, and what each mistake is told."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modiste.records.errors import UsageError
from modiste.records.plain import all_keys, changed, fingerprint, from_plain, to_plain


@dataclass(frozen=True)
class Brim:
    width: float = 5.0
    ribbons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hat:
    size: int = 56
    felt: bool = True
    name: str = "bowler"
    price: float | None = None
    brim: Brim = field(default_factory=Brim)


hats = st.builds(
    Hat,
    st.integers(),
    st.booleans(),
    st.text(),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.builds(Brim, st.floats(allow_nan=False, allow_infinity=False), st.lists(st.text()).map(tuple)),
)


@given(hats)
def test_a_dataclass_comes_back_from_its_plain_values(hat):
    assert from_plain(Hat, to_plain(hat), "hat") == hat


def test_left_out_settings_take_their_defaults():
    assert from_plain(Hat, {"brim": {"width": 7}}, "hat") == Hat(brim=Brim(width=7.0))


@pytest.mark.parametrize(
    "text, made",
    [
        (("size", "60"), Hat(size=60)),
        (("size", 60.0), Hat(size=60)),
        (("price", "12.5"), Hat(price=12.5)),
        (("price", 12), Hat(price=12.0)),
        (("price", "None"), Hat()),
        (("price", "null"), Hat()),
        (("price", None), Hat()),
        (("felt", "no"), Hat(felt=False)),
        (("felt", "Off"), Hat(felt=False)),
        (("felt", False), Hat(felt=False)),
        (("name", "none"), Hat(name="none")),
        (("brim.width", "3"), Hat(brim=Brim(width=3.0))),
        (("brim.ribbons", "red, blue,"), Hat(brim=Brim(ribbons=("red", "blue")))),
        (("brim.ribbons", ["red"]), Hat(brim=Brim(ribbons=("red",)))),
        (("brim.ribbons", ""), Hat()),
        (("brim", {"width": 2}), Hat(brim=Brim(width=2.0))),
    ],
)
def test_a_setting_is_changed_from_text_as_from_a_value(text, made):
    key, value = text
    found = changed(Hat(), key, value, "hat")
    assert found == made
    assert type(found.price) is type(made.price)


@pytest.mark.parametrize(
    "key, value, words",
    [
        ("siez", "60", "no setting called 'siez'.*Did you mean 'size'"),
        ("brim.widht", "6", "no setting called 'brim.widht'.*Did you mean 'brim.width'"),
        ("size.of", "6", "'size' has no settings of its own"),
        ("size", "large", "hat: size = 'large' is not a whole number"),
        ("size", "56.5", "is not a whole number"),
        ("size", 56.5, "is not a whole number"),
        ("size", True, "is not a whole number"),
        ("size", None, "is not a whole number"),
        ("size", float("inf"), "is not a whole number"),
        ("brim.width", "wide", "is not a number"),
        ("brim.width", 10**400, "is not a number"),
        ("brim.width", False, "is not a number"),
        ("price", "much", "is not a number"),
        ("felt", "perhaps", "is neither true nor false"),
        ("felt", 1, "is neither true nor false"),
        ("name", 3, "is not a text"),
        ("brim", "wide", "is not a table of settings"),
        ("brim", {"widht": 2}, "hat: brim: no setting called 'widht'"),
        ("brim.ribbons", 3, "is not a list"),
        ("brim.ribbons", [3], "= 3 is not a text"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(key, value, words):
    with pytest.raises(UsageError, match=words):
        changed(Hat(), key, value, "hat")


@pytest.mark.parametrize("key", ["szie", 1])
def test_an_unknown_key_of_a_table_says_where_it_stands(key):
    """YAML has keys that are no text."""
    with pytest.raises(UsageError, match=f"hats.toml: no setting called '{key}'. There are: brim, felt, name, price, size"):
        from_plain(Hat, {key: 60}, "hats.toml")


def test_every_key_that_is_listed_can_be_set():
    assert all_keys(Hat) == ["size", "felt", "name", "price", "brim.width", "brim.ribbons"]
    for key in all_keys(Hat):
        here, _, inner = key.partition(".")
        value = getattr(Hat(), here)
        assert changed(Hat(), key, getattr(value, inner) if inner else value, "hat") == Hat()


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none()))
def test_a_fingerprint_knows_content_and_not_order(plain):
    assert fingerprint(dict(reversed(plain.items()))) == fingerprint(plain)
    assert fingerprint({**plain, "one more": 1}) != fingerprint({**plain, "one more": 2})


def test_a_fingerprint_takes_names_that_are_not_utf_8():
    assert fingerprint(["\udcff.jpg"]) != fingerprint(["\udcfe.jpg"])
