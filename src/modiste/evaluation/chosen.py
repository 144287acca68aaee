"""Choosing on validation, judging on test: each network at the setting that suits it, such as its own best learning rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from modiste.evaluation.metrics import accuracy, macro_f1
from modiste.evaluation.tables import Results, deviation, mean
from modiste.records.table import Cell, Table

Choices = Mapping[str, Sequence[str]]  # network -> the variants that it is chosen among, in their order


def chosen(validation: Results, choices: Choices) -> dict[str, str]:
    """For each network the variant with the best macro F1 on validation, mean of its seeds; of equals the first; none without runs."""
    found: dict[str, str] = {}
    for name, variants in choices.items():
        reached = {one: fmean(map(macro_f1, validation[one])) for one in variants if validation.get(one)}
        if reached:
            found[name] = max(reached, key=lambda one: reached[one])
    return found


def judged(results: Results, validation: Results, choices: Choices) -> Results:
    """What the chosen variant of each network said of test; the others are left unread."""
    picked = chosen(validation, choices)
    return {name: results.get(picked[name], ()) if name in picked else () for name in choices}


def chosen_table(results: Results, validation: Results, choices: Choices, title: str = "Each network at its own learning rate") -> Table:
    """A row a network: what was chosen, what it reached on validation, and on test, where nothing was chosen by."""
    picked, shown = chosen(validation, choices), judged(results, validation, choices)
    rows: list[tuple[Cell, ...]] = []
    for name, variants in choices.items():
        tried = sum(bool(validation.get(one)) for one in variants)
        if name not in picked:
            rows.append((name, "not trained yet", 0, *(None,) * 5))
            continue
        on_test, f1 = shown[name], [macro_f1(run) for run in shown[name]]
        reached = mean([macro_f1(run) for run in validation[picked[name]]])
        of_test = (mean(f1), deviation(f1), mean([accuracy(run) for run in on_test]))
        rows.append((name, picked[name].removeprefix(f"{name}, "), tried, reached, *of_test, len(validation[picked[name]])))
    columns = ("Model", "Chosen", "Of", "Macro F1 on validation", "Macro F1 on test", "± sd", "Accuracy on test", "Seeds")
    return Table(title, columns, tuple(rows), tuple(notes_on(picked, validation, choices)))


def notes_on(picked: Mapping[str, str], validation: Results, choices: Choices) -> list[str]:
    """What to know of the choice: how it was made, what is missing, and where it fell on an end of what was tried."""
    said = ["Chosen by macro F1 on validation; test was looked at for the chosen ones alone."]
    if missing := [one for variants in choices.values() for one in variants if not validation.get(one)]:
        said.append(f"Without a finished run, and so not chosen among: {', '.join(missing)}.")
    tried = {name: [one for one in choices[name] if validation.get(one)] for name in picked}
    ends = [name for name, one in picked.items() if len(choices[name]) > 2 and one in (tried[name][0], tried[name][-1])]
    if ends:
        said.append(f"Chosen at an end of what was tried, so beyond it may be better: {', '.join(ends)}.")
    return said
