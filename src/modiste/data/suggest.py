"""Which class a product probably belongs to, by its type, its id or its title: a suggestion that says where it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from modiste.records.catalogue import Suggestion
from modiste.records.labels import Classes, folded

TYPE_COLUMNS = (
    "article_type",
    "product_type",
    "type",
    "sub_category",
    "product_category",
    "category",
    "master_category",
)  # the finest first
TITLE_COLUMNS = ("title", "product_display_name", "product_name", "name")
LEVELS = ("class", "group", "type")
LONGEST = 4  # words in a type that is looked for in a title
HEAD_ENDS = re.compile(r"\b(?:with|for|and|in)\b|[,&+(|]", re.IGNORECASE)  # what a title names behind these is not the product


@dataclass(frozen=True)
class Taxonomy:
    """Words for products, and the class each belongs to at one level: the classes themselves, their groups, or types.

    A word that stands for none of the classes has the class ''.
    """

    name: str
    classes: Classes
    types: Mapping[str, str]
    prefixes: Mapping[str, str]
    level: str = "class"

    def suggest(self, word: str) -> str | None:
        """The class of a product type, whatever its capitals, hyphens and plural; None for a word that is not there.

        >>> from modiste.data.taxonomy import read_taxonomy
        >>> read_taxonomy(None).suggest("SNEAKERS")
        'Shoes'
        """
        return next((self.by_key[key] for key in keys(word) if key in self.by_key), None)

    def suggestion(self, word: str, classes: Classes | None = None) -> Suggestion | None:
        """A label nobody has confirmed, in the codes of `classes`, that says where it comes from.

        >>> from modiste.data.taxonomy import read_taxonomy
        >>> read_taxonomy(None).suggestion("Pants")
        Suggestion(label=1, by='taxonomy fashion: Pants')
        """
        return self.suggested(self.suggest(word), word, classes)

    def suggestion_of(self, details: Mapping[str, str], classes: Classes | None = None, product: str = "") -> Suggestion | None:
        """The same from all that is known of a product: the finest column that names a type, else its id, else its title.

        None where a column says that it is none of the classes.

        >>> from modiste.data.taxonomy import read_taxonomy
        >>> read_taxonomy(None).suggestion_of({"article_type": "Perfume", "title": "Gift bag"}) is None
        True
        """
        said = list(self.sayings(details, product))
        return self.suggested(*said[0], classes) if said else None

    def sayings(self, details: Mapping[str, str], product: str = "") -> Iterator[tuple[str, str]]:
        """What the finest telling column, the id and the title say of a product's class, in this order: (class or '' for none, why)."""
        known = ((column, self.suggest_path(details.get(column, ""))) for column in TYPE_COLUMNS)
        columns = [(name, f"{column} '{details[column]}'") for column, name in known if name is not None]
        none_of_them = [saying for saying in columns if not saying[0]]
        yield from (none_of_them or columns)[:1]
        prefix = max((known for known in self.prefixes if product.startswith(known)), key=len, default=None)
        if prefix is not None:
            yield self.prefixes[prefix], f"id '{product}' begins with '{prefix}'"
        for column in TITLE_COLUMNS:
            word = self.word_in(details.get(column, ""))
            if word:
                yield str(self.suggest(word)), f"{column} says '{word}'"

    def suggested(self, name: str | None, why: str, classes: Classes | None) -> Suggestion | None:
        code = (classes or self.classes).find(name or "")
        return None if code is None else Suggestion(code, f"taxonomy {self.name}: {why}")

    def suggest_path(self, path: str) -> str | None:
        """The class of a type, or of the finest known step of a path such as 'Apparel > Clothing > Shirts'."""
        steps = [step.strip() for step in path.split(" > ")]
        return next((name for step in reversed(steps) if (name := self.suggest(step)) is not None), None)

    def word_in(self, title: str) -> str:
        """The type that a title names: the last one before a 'with' or 'for', else the last of all; '' where there is none.

        >>> from modiste.data.taxonomy import read_taxonomy
        >>> read_taxonomy(None).word_in("Puma Men Black Leather Belt with Watch")
        'Belt'
        """
        head = HEAD_ENDS.split(title)[0]
        return next((word for text in (head, title) for word in self.words_in(text)), "")

    def words_in(self, text: str) -> Iterator[str]:
        """The types of the classes that a text names, the last first, each as long as it can be; 'football jersey' names no football."""
        words = re.findall(r"[\w'-]+", text)
        for end in range(len(words), 0, -1):
            for start in range(max(0, end - LONGEST), end):
                word = " ".join(words[start:end])
                if self.suggest(word):
                    yield word
                    break

    @cached_property
    def by_key(self) -> dict[str, str]:
        """Each word's key, then its key without a plural s where that is still free."""
        shorter = {key: name for word, name in self.types.items() for key in keys(word)[1:]}
        return shorter | {keys(word)[0]: name for word, name in self.types.items()}


@lru_cache(maxsize=65_536)  # a catalogue says the same words again and again
def keys(word: str) -> list[str]:
    """The spellings under which a word is looked up, the closest first.

    >>> keys("T-Shirts")
    ['tshirts', 'tshirt']
    """
    key = "".join(letter for letter in folded(word) if letter.isalnum())
    return [key, *(key[: -len(end)] for end in ("s", "es") if key.endswith(end) and len(key) > len(end) + 1)]
