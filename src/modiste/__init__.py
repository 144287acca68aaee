"""modiste classifies photos of fashion products, and repeats the study that asked which network does it best.

The Python words are the command line's:

    import modiste

    catalogue = modiste.read("photos/")
    print(modiste.audit(catalogue).audit.table().markdown())
    run = modiste.train("Alex-CBAM(16&7)", catalogue, settings={"epochs": 5})
    print(modiste.report(run.predictions("test")).markdown())
    finished = modiste.study("paper", catalogue)

Importing modiste imports none of the rooms; each is imported when one of its words is first used.
"""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read when onnxruntime is imported, which else tells its maker of each network

if TYPE_CHECKING:
    from modiste.api import study, train
    from modiste.audits import audit
    from modiste.comparisons import compare
    from modiste.data.layouts.readers import read
    from modiste.data.layouts.writers import write
    from modiste.data.samples.drawn import draw
    from modiste.evaluation.claims import Claim, answer
    from modiste.evaluation.metrics import report
    from modiste.evaluation.statistics.estimates import difference, estimate
    from modiste.explanations import explain
    from modiste.models.variants import VARIANTS
    from modiste.records.catalogue import Catalogue, Photo
    from modiste.records.errors import ModisteError
    from modiste.records.labels import Classes
    from modiste.records.predictions import Predictions
    from modiste.records.recipe import Network, Pixels, Recipe
    from modiste.records.run import Run
    from modiste.records.table import Table
    from modiste.searching.index import Index, Neighbour, index
    from modiste.serving.labeller import Label, Labeller, load
    from modiste.studies.reproduce import reproduce
    from modiste.training.model import evaluate
    from modiste.training.robustness import robustness

__version__ = "0.1.0"

WHERE = {  # public word -> the room it lives in
    "Catalogue": "records.catalogue",
    "Claim": "evaluation.claims",
    "Classes": "records.labels",
    "Index": "searching.index",
    "Label": "serving.labeller",
    "Labeller": "serving.labeller",
    "ModisteError": "records.errors",
    "Neighbour": "searching.index",
    "Network": "records.recipe",
    "Photo": "records.catalogue",
    "Pixels": "records.recipe",
    "Predictions": "records.predictions",
    "Recipe": "records.recipe",
    "Run": "records.run",
    "Table": "records.table",
    "VARIANTS": "models.variants",
    "answer": "evaluation.claims",
    "audit": "audits",
    "compare": "comparisons",
    "difference": "evaluation.statistics.estimates",
    "draw": "data.samples.drawn",
    "estimate": "evaluation.statistics.estimates",
    "evaluate": "training.model",
    "explain": "explanations",
    "index": "searching.index",
    "load": "serving.labeller",
    "read": "data.layouts.readers",
    "report": "evaluation.metrics",
    "reproduce": "studies.reproduce",
    "robustness": "training.robustness",
    "study": "api",
    "train": "api",
    "write": "data.layouts.writers",
}
EXTRAS = {  # public word -> the extra that it takes
    **dict.fromkeys(("Claim", "answer", "compare", "difference", "estimate"), "learn"),
    **dict.fromkeys(("VARIANTS", "evaluate", "explain", "reproduce", "robustness", "study", "train"), "train"),
}
SHOWN_BY = {"learn": "scipy", "train": "torch"}  # extra -> a package of it
__all__ = [
    "VARIANTS",
    "Catalogue",
    "Claim",
    "Classes",
    "Index",
    "Label",
    "Labeller",
    "ModisteError",
    "Neighbour",
    "Network",
    "Photo",
    "Pixels",
    "Predictions",
    "Recipe",
    "Run",
    "Table",
    "answer",
    "audit",
    "compare",
    "difference",
    "draw",
    "estimate",
    "evaluate",
    "explain",
    "index",
    "load",
    "read",
    "report",
    "reproduce",
    "robustness",
    "study",
    "train",
    "write",
]


if not TYPE_CHECKING:  # it would hide from a type checker that a word is misspelt

    def __getattr__(name: str) -> Any:
        if name not in WHERE:
            raise AttributeError(f"module 'modiste' has no attribute '{name}'")
        try:
            return getattr(import_module(f"modiste.{WHERE[name]}"), name)
        except ModuleNotFoundError as error:
            if name not in EXTRAS or error.name is None:
                raise
            from modiste.records.errors import missing_extra

            words = missing_extra(error.name.partition(".")[0], EXTRAS[name], f"modiste.{name}")
            raise ModuleNotFoundError(str(words), name=error.name) from error


def __dir__() -> list[str]:
    """The words that there is all for that they take: `help(modiste)` looks at each."""
    lacking = {extra for extra, package in SHOWN_BY.items() if find_spec(package) is None}
    return sorted(word for word in __all__ if EXTRAS.get(word) not in lacking)
