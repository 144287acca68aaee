"""The pilot's table: what each augmentation reached on validation, and after how many epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modiste.records.run import Epoch
from modiste.records.table import Cell, Table
from modiste.records.words import counted

Histories = Mapping[str, Sequence[Sequence[Epoch]]]  # name -> one history a seed


def pilot(histories: Histories) -> Table:
    """Best macro F1 on validation and its epoch, a row a choice, best first; a note recommends."""
    rows = [(name, *measured(runs)) for name, runs in histories.items() if runs]
    rows.sort(key=lambda row: -row[1])
    columns = ("Augmentation", "Best macro F1", "At epoch", "Macro F1 at the end", "Loss at the end", "Train loss at the end", "Seeds")
    cells: list[tuple[Cell, ...]] = [tuple(row) for row in rows]
    return Table("Pilot: augmentation and epochs, on validation", columns, tuple(cells), (recommendation(histories),))


def recommendation(histories: Histories) -> str:
    """A sentence: which choice did best, after how many epochs, and whether that can be told from doing nothing."""
    found = {name: measured(runs) for name, runs in histories.items() if runs}
    if not found:
        return "Nothing has been trained yet, so nothing is recommended."
    best = max(found, key=lambda name: found[name][0])
    epochs = counted(round(found[best][1]), "epoch")
    text = f"Recommended: {best}, {epochs} (best macro F1 {found[best][0]:.4f})."
    seeds = min(len(runs) for runs in histories.values() if runs)
    if "none" in found and best != "none":
        text += f" Without augmentation: {found['none'][0]:.4f}, {found[best][0] - found['none'][0]:.4f} less."
    return text + (" One seed: a difference this study cannot tell from chance." if seeds < 2 else f" Means of {seeds} seeds.")


def measured(runs: Sequence[Sequence[Epoch]]) -> tuple[float, float, float, float, float, int]:
    """Means over seeds: best macro F1, its epoch, macro F1, loss and training loss at the end; and the number of seeds."""
    bests = [max(epochs, key=lambda epoch: (epoch.macro_f1, -epoch.epoch)) for epochs in runs]
    ends = [epochs[-1] for epochs in runs]

    def mean(values: Sequence[float]) -> float:
        return sum(values) / len(values)

    return (
        mean([best.macro_f1 for best in bests]),
        bests[0].epoch if len(runs) == 1 else mean([best.epoch for best in bests]),
        mean([end.macro_f1 for end in ends]),
        mean([end.loss for end in ends]),
        mean([end.train_loss for end in ends]),
        len(runs),
    )
