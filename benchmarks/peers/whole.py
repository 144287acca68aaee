"""A whole run of modiste, from reading the photos to what it says of test: its seconds, and where they went."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from pathlib import Path

import clock

import modiste
from modiste.records.progress import Progress


def main() -> None:
    parser = clock.options(__doc__)
    parser.add_argument("--recipe", type=Path, required=True, help="a recipe as JSON")
    asked = parser.parse_args()
    clock.start()
    train, read = modiste.train, modiste.read  # imports count for nobody
    spent: dict[str, float] = defaultdict(float)
    told = begun = time.perf_counter()

    def listen(progress: Progress) -> None:
        nonlocal told
        spent[progress.stage] += time.perf_counter() - told
        told = time.perf_counter()

    recipe = modiste.Recipe.parse(json.loads(asked.recipe.read_text(encoding="utf-8")))
    run = train(recipe, read(asked.photos), asked.scratch / "runs", device="cpu", tell=listen)
    seconds = time.perf_counter() - begun
    eyes = json.loads((run.folder / "model.json").read_text(encoding="utf-8"))["eyes"]
    test = run.predictions("test")
    said = {"classes": list(test.classes), "truth": test.truth.tolist(), "called": test.called.tolist()}
    stages = {**spent, "the rest": seconds - sum(spent.values())}
    facts = {"mean": eyes["mean"], "std": eyes["std"], "precision": run.about["precision"]}
    clock.leave(asked.answer, ["modiste"], seconds=seconds, stages=stages, said=said, **facts)


if __name__ == "__main__":
    main()
