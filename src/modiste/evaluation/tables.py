"""Tables of results: ours beside the paper's, and a summary of every variant.

A builder takes `results`: the name of each variant and one Predictions a seed, or none where it is not trained yet. The columns
beside the paper appear only where the classes are the paper's four: its figures say nothing of another task.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from statistics import fmean, stdev

from modiste.evaluation.metrics import METRICS, recall, report, support
from modiste.evaluation.published import PUBLISHED, REPORTED, SWAP
from modiste.records.errors import ModisteError
from modiste.records.labels import PAPER_CLASSES
from modiste.records.predictions import Predictions
from modiste.records.table import Cell, Table
from modiste.records.words import counted

Results = Mapping[str, Sequence[Predictions]]
Values = Sequence[float]  # one a seed

MACRO = "Recall, precision, F1 and specificity are macro averages: every class counts the same."
ABREAST = 12  # classes whose recall stands in the summary, a column each
HEADINGS = {"macro_recall": "Recall", "macro_precision": "Precision", "macro_f1": "F1", "macro_specificity": "Specificity"}


def table_3(results: Results) -> Table:
    """AlexNet with 3 to 6 convolutions, softmax or SVM."""
    return averages(3, "AlexNet: convolutional layers and classifier", results)


def table_4(results: Results) -> Table:
    """AlexNet with CBAM after convolutions 3 to 5."""
    return averages(4, "AlexNet with CBAM", results)


def table_5(results: Results) -> Table:
    """The ResNet baseline, class by class."""
    return by_class(5, "Resnet (baseline), class by class", results)


def table_6(results: Results) -> Table:
    """ResNet with CBAM, class by class."""
    return by_class(6, "Resnet-CBAM, class by class", results)


def table_7(results: Results) -> Table:
    """All twelve models."""
    return averages(7, "All models", results, (SWAP,))


def summary(results: Results) -> Table:
    """Every variant with every metric of METRICS and the recall of each class, whatever the classes; of more than ABREAST, none."""
    every = classes_of(results)
    classes = every if len(every) <= ABREAST else ()
    spread = several(results)
    columns = ["Model", "Seeds"]
    for metric in METRICS:
        heading = metric.replace("_", " ").capitalize().replace(" f1", " F1")
        columns += [heading, "± sd"] if spread else [heading]
    rows = [summary_row(name, runs, classes, spread) for name, runs in results.items()]
    headings = (*columns, *(f"Recall {name}" for name in classes))
    left_out = [] if classes else [f"The recall of each of {len(every)} classes is left out here: `modiste evaluate RUN` shows it."]
    return Table("Summary", headings, tuple(rows), (*notes(results), *left_out))


def summary_row(name: str, runs: Sequence[Predictions], classes: Sequence[str], spread: bool) -> tuple[Cell, ...]:
    cells: list[Cell] = [name, len(runs)]
    for metric in METRICS.values():
        values = [metric(run) for run in runs]
        cells += [mean(values), deviation(values)] if spread else [mean(values)]
    for code in range(len(classes)):
        cells.append(mean([float(recall(run)[code]) for run in runs if support(run)[code]]))
    return tuple(cells)


def averages(number: int, title: str, results: Results, more_notes: Sequence[str] = ()) -> Table:
    """The shape of Tables 3, 4 and 7: a row for each of the paper's models, our averages beside its own."""
    paper = PUBLISHED[number]
    shown = {name: results.get(name, ()) for name in paper}
    beside, spread = beside_paper(results), several(shown)
    metrics = list(next(iter(paper.values())))
    columns = chain(["Model"], *(headings(HEADINGS[metric], beside, spread) for metric in metrics))
    rows = []
    for name, runs in shown.items():
        cells: list[Cell] = [name]
        for metric in metrics:
            cells += compared([METRICS[metric](run) for run in runs], paper[name][metric], beside, spread)
        rows.append(tuple(cells))
    said = (*notes(shown), MACRO, *(more_notes if beside else ()))
    return Table(f"Table {number}. {title}", tuple(columns), tuple(rows), said)


def by_class(number: int, title: str, results: Results) -> Table:
    """The shape of Tables 5 and 6: one model's classification report beside the paper's."""
    shown = {REPORTED[number]: results.get(REPORTED[number], ())}
    beside, spread = beside_paper(results), several(shown)
    reports = [report(run) for run in shown[REPORTED[number]]]
    names = [row[0] for row in reports[0].rows] if reports else [*classes_of(results), "Accuracy", "Macro avg", "Weighted avg"]
    printed = [headings(name, beside, spread) for name in ("Precision", "Recall", "F1")]
    columns = chain(["Class"], *printed, headings("Specificity", False, spread), ["Photos"])
    rows = [class_row(str(name), place, reports, PUBLISHED[number], beside, spread) for place, name in enumerate(names)]
    said = [*notes(shown), *(reports[0].notes if reports else ())]
    said += ["The paper prints two places here, and neither specificity nor photos."] if beside else []
    return Table(f"Table {number}. {title}", tuple(columns), tuple(rows), tuple(said))


def class_row(
    name: str, place: int, reports: Sequence[Table], paper: Mapping[str, Mapping[str, float]], beside: bool, spread: bool
) -> tuple[Cell, ...]:
    """One row of `report`, averaged over the seeds, with the paper's figure beside each cell that has one."""
    cells: list[Cell] = [name]
    for column, metric in enumerate(("precision", "recall", "f1", "specificity"), start=1):
        values = [value for table in reports if isinstance(value := table.rows[place][column], float)]
        known = paper[name].get(metric) if beside else None
        cells += compared(values, known, beside and metric != "specificity", spread)
    return (*cells, reports[0].rows[place][-1] if reports else None)


def headings(name: str, beside: bool, spread: bool) -> list[str]:
    return [name, *(["± sd"] if spread else []), *(["paper", "Δ"] if beside else [])]


def compared(values: Values, paper: float | None, beside: bool, spread: bool) -> list[Cell]:
    """The cells under `headings`: our mean, its spread, the paper's figure, and ours less the paper's."""
    ours = mean(values)
    less = ours - paper if ours is not None and paper is not None else None
    return [ours, *([deviation(values)] if spread else []), *([paper, less] if beside else [])]


def mean(values: Values) -> float | None:
    return fmean(values) if values else None


def deviation(values: Values) -> float | None:
    """The sample standard deviation; nothing to say of fewer than two seeds."""
    return stdev(values) if len(values) > 1 else None


def several(results: Results) -> bool:
    return any(len(runs) > 1 for runs in results.values())


def notes(results: Results, *, spread: bool = True) -> list[str]:
    """How many seeds stand behind the figures, and how many photos; `spread` where the table has what they vary.

    >>> one = Predictions.of(truth=[0, 1], called=[0, 1], classes=["hat", "cap"])
    >>> notes({"A": [one, one], "B": [one, one], "C": [one], "D": []}, spread=False)
    ['Means of 2 seeds (1 seed: C), 2 photos.']
    """
    trained = {name: runs for name, runs in results.items() if runs}
    if not trained:
        return ["Not trained yet."]
    photos = len(next(iter(trained.values()))[0])
    seeds = {name: len(runs) for name, runs in trained.items()}
    usual = max(seeds.values(), key=[*seeds.values()].count)
    apart = [
        f"{counted(number, 'seed')}: {', '.join(name for name, own in seeds.items() if own == number)}"
        for number in sorted({*seeds.values()} - {usual}, reverse=True)
    ]
    said = " ".join(["One seed a model" if usual == 1 else f"Means of {usual} seeds", *([f"({'; '.join(apart)})"] if apart else [])])
    vary = "; ± sd is the standard deviation from seed to seed" if spread and max(seeds.values()) > 1 else ""
    return [f"{said}, {counted(photos, 'photo')}{vary}."]


def classes_of(results: Results) -> tuple[str, ...]:
    """The classes that all results share, the paper's where there are none; results of two test sets are refused."""
    runs = [(name, run) for name, several_runs in results.items() for run in several_runs]
    if not runs:
        return PAPER_CLASSES.names
    first_name, first = runs[0]
    asked = dict(zip(first.photos, first.truth.tolist(), strict=True))
    for name, run in runs[1:]:
        if run.classes != first.classes or dict(zip(run.photos, run.truth.tolist(), strict=True)) != asked:
            raise ModisteError(
                f"'{first_name}' and '{name}' were not tested on the same photos and classes: no table may mix them. "
                "Run both on one catalogue."
            )
    return first.classes


def beside_paper(results: Results) -> bool:
    """Whether the paper's figures may stand beside these results: its four classes, in any order."""
    return set(classes_of(results)) == set(PAPER_CLASSES.names)


PAPER_TABLES: dict[int, Callable[[Results], Table]] = {3: table_3, 4: table_4, 5: table_5, 6: table_6, 7: table_7}
