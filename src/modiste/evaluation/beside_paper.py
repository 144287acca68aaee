"""Our intervals beside the paper's figures: by how much they differ, and whether the paper's figure lies inside."""

from __future__ import annotations

from modiste.evaluation.published import TABLE_7
from modiste.evaluation.statistics.estimates import estimated
from modiste.evaluation.statistics.resampling import sampled
from modiste.evaluation.tables import Results, beside_paper
from modiste.records.table import Cell, Table


def inside_table(results: Results, measure: str = "macro_f1") -> Table | None:
    """Each model that the paper prints, with our interval and the paper's figure; None where it prints none of these.

    The paper's figure has an interval of its own, which it does not give: outside ours is not yet different.
    """
    shown = {name: runs for name, runs in results.items() if runs}
    if not shown or not beside_paper(shown) or not any(measure in TABLE_7.get(name, {}) for name in shown):
        return None
    rows: list[tuple[Cell, ...]] = []
    for name, sample in sampled(shown, measure).items():
        if (paper := TABLE_7.get(name, {}).get(measure)) is not None:
            ours = estimated(sample)
            where = "inside" if ours.low <= paper <= ours.high else "above" if paper > ours.high else "below"
            rows.append((name, ours.value, ours.low, ours.high, paper, ours.value - paper, where))
    columns = ("Model", "Macro F1" if measure == "macro_f1" else measure, "low", "high", "paper", "Δ", "The paper's figure is")
    note = "low and high bound our 95 % interval. The paper gives none, and its photos are others: outside ours is not yet another result."
    return Table("Our intervals and the paper's figures", columns, tuple(rows), (note,))
