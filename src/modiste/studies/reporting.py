"""Reporting a study: its tables and figures as files, and the page that puts them together, all from what its runs left on disk."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from modiste.evaluation.beside_paper import inside_table
from modiste.evaluation.chosen import chosen_table
from modiste.evaluation.claims import Answer, answer, claims_table
from modiste.evaluation.compared import intervals_table, power_table, ranks_table
from modiste.evaluation.costs import Cost, costs_table
from modiste.evaluation.figures.costs import costs_against_f1
from modiste.evaluation.figures.ranking import intervals
from modiste.evaluation.figures.results import class_report, confusions, curves, f1_dots, on_white, pdf, png, svg
from modiste.evaluation.figures.trust import coverage_risk_curves, reliability_diagrams
from modiste.evaluation.pages.confusion_cells import MATRIX_AT_MOST
from modiste.evaluation.pages.page import page
from modiste.evaluation.pages.tables import write_tables
from modiste.evaluation.pilot import pilot
from modiste.evaluation.published import PUBLISHED
from modiste.evaluation.statistics.calibration import calibration_table
from modiste.evaluation.statistics.selective import selective_table
from modiste.evaluation.tables import PAPER_TABLES, summary
from modiste.evaluation.winners import standing, winners_table
from modiste.records.disk import write_bytes, write_json, write_text
from modiste.records.progress import Progress, Tell, silent
from modiste.records.table import Table
from modiste.studies.circumstances import circumstances, runs_in_json
from modiste.studies.costs import costs, machine_in_words
from modiste.studies.in_words import first_words, pilot_sentences, sentences
from modiste.studies.outcome import Outcome
from modiste.studies.sections import Report, pilot_sections, result_sections

OWN_FILES = re.compile(r"^(?:tables|figures)/[^/\n]+$", re.MULTILINE)  # what a report writes, and takes away
STEPS = ("costs", "intervals and claims", "figures", "photos", "writing")


def report_on(outcome: Outcome, folder: Path, where: str = "auto", tell: Tell = silent) -> tuple[tuple[Table, ...], str]:
    """Write report.html, and each table and figure as a file of its own, in the place of an earlier report's.

    The tables that answer the study's question; and, where that report was of other photos or settings, what it was of, in words.
    """

    def begin(step: str) -> None:
        tell(Progress(f"study {outcome.study.name}", STEPS.index(step), len(STEPS), "steps", f"report: {step}"))

    title, before = f"Study: {outcome.study.name}", report_before(folder)
    of_results = "pilot" not in outcome.study.tables and bool(outcome.shown)
    begin("costs")
    spent = costs(outcome.recipes, outcome.runs, len(outcome.catalogue.classes), folder, where, tell) if of_results else {}
    begin("intervals and claims")
    answers, own = claims_of(outcome, spent), tables_of(outcome)
    claimed = {"claims": claims_table(answers)} if answers else {}
    beside = more_tables(outcome, spent, where) if of_results else {}
    files = write_tables({**own, **claimed, **beside}, folder / "tables")
    begin("figures")
    drawings, drawn = written(figures_of(outcome, spent), folder / "figures")
    begin("photos")
    shown = {caption: drawing for caption, drawing in drawings.items() if caption not in in_files_alone(outcome)}
    if of_results:
        made = Report(outcome, standing(outcome.shown), tuple(answers), own, claimed, beside, shown)
        said, (sections, rules) = sentences(outcome, made.stands), result_sections(made, tell)
    else:
        said, sections, rules = pilot_sentences(outcome), pilot_sections(outcome, own, shown), ""
    begin("writing")
    claims_said = {"claims": [one.plain() for one in answers]} if answers else {}
    words = {"title": title, "question": outcome.study.question, "summary": [*first_words(outcome), *said]}
    facts = circumstances(outcome)
    names = [file.relative_to(folder).as_posix() for file in (*files, *drawn)]
    write_json(folder / "study.json", {**words, **facts, **runs_in_json(outcome), **claims_said, "files": names})
    write_text(folder / "report.html", page(title, outcome.study.question, sections, rules))
    for name in {*OWN_FILES.findall("\n".join(map(str, before.get("files", []))))} - {*names}:  # they speak of other runs
        (folder / name).unlink(missing_ok=True)
    return (*own.values(), *claimed.values()), ", ".join(otherwise(before, facts))


def otherwise(before: Mapping[str, Any], facts: Mapping[str, str]) -> list[str]:
    """In what an earlier report has nothing in common with this one: photos, pixels, training.

    >>> otherwise({"Data hash": "0f3a", "Pixels": "224 px; 244 px"}, {"Data hash": "0f3a", "Pixels": "112 px; 122 px"})
    ['224 px; 244 px']
    """
    found = {key: str(before[key]) for key in ("Data hash", "Pixels", "Training") if key in before}
    return [words for key, words in found.items() if not {*words.split("; ")} & {*facts[key].split("; ")}]


def report_before(folder: Path) -> dict[str, Any]:
    """What the report that stands in a folder says of itself; nothing where there is none, or it cannot be read."""
    try:
        found = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def tables_of(outcome: Outcome) -> dict[str, Table]:
    """The study's own tables by the names of their files, in its order."""
    made = {}
    for name in outcome.study.tables:
        if name == "pilot":
            made[name] = pilot(outcome.histories)
        elif name == "fair-lr":
            made[name] = chosen_table(outcome.every_result, outcome.on_validation, outcome.study.choices)
        elif name == "summary":
            made[name] = summary(outcome.results)
        else:
            made[f"table-{name}"] = PAPER_TABLES[int(name)](outcome.results)
    return made


def more_tables(outcome: Outcome, spent: Mapping[str, Cost], where: str) -> dict[str, Table]:
    """What every study of results is told beside its own tables, by the names of their files."""
    return {
        "intervals": intervals_table(outcome.shown),
        **({"beside-paper": inside} if (inside := inside_table(outcome.shown)) else {}),
        **({"ranks": ranks_table(outcome.shown, "macro_f1"), "power": power_table(outcome.shown)} if len(outcome.shown) > 1 else {}),
        "winners": winners_table(outcome.shown),
        "calibration": calibration_table(outcome.shown, outcome.temperatures, margins=outcome.margins),
        "selective": selective_table(outcome.shown),
        "costs": costs_table(outcome.shown, spent, machine_in_words(where)),
    }


def claims_of(outcome: Outcome, spent: Mapping[str, Cost]) -> list[Answer]:
    """What the runs answer to the study's claims."""
    known = {name: {key: value for key, value in asdict(cost).items() if value is not None} for name, cost in spent.items()}
    return answer(outcome.study.claims, outcome.results, known) if outcome.study.claims else []


def figures_of(outcome: Outcome, spent: Mapping[str, Cost]) -> dict[str, Callable[[], Figure]]:
    """Captions, and what draws each: for the paper its Figs. 7 to 10, for other studies the same of all variants."""
    like = " (as Fig. 7)" if "7" in outcome.study.tables else ""
    made: dict[str, Callable[[], Figure]] = {}
    if any(epochs for seeds in outcome.curves.values() for epochs in seeds):
        made[f"Training: loss and accuracy{like}"] = lambda: curves(outcome.curves)
    if "pilot" in outcome.study.tables:
        return made
    ranking = {"Macro F1 with its intervals, and which models cannot be told apart": lambda: intervals(outcome.shown)}
    made = {**ranking, "Macro F1 of every variant, seed by seed": lambda: f1_dots(outcome.shown)} | made
    if spent:
        made["What models reach against what they cost"] = lambda: costs_against_f1(outcome.shown, spent)
    sure = {name: some for name, some in outcome.shown.items() if name not in outcome.margins}
    if sure:
        made["How right models are where they are so sure"] = lambda: reliability_diagrams(sure)
    made["Mistakes among the photos that a model answers, the surest first"] = lambda: coverage_risk_curves(outcome.shown)
    return made | in_files_alone(outcome)


def in_files_alone(outcome: Outcome) -> dict[str, Callable[[], Figure]]:
    """Figures that the page has as tables: classification reports and confusion matrices, of no more classes than can be read."""
    if len(outcome.catalogue.classes) > MATRIX_AT_MOST:
        return {}
    made: dict[str, Callable[[], Figure]] = {}
    for caption, names in figure_groups(outcome).items():
        some = {name: outcome.shown[name] for name in names}
        made[caption] = partial(class_report if caption.startswith("Classification report") else confusions, some)
    return made


def figure_groups(outcome: Outcome) -> dict[str, list[str]]:
    """Which variants stand together in which figure."""
    if "7" not in outcome.study.tables:
        return {"Classification reports": [*outcome.shown], "Confusion matrices": [*outcome.shown]}
    groups = {
        "Classification report of 6Conv_SVM (as Fig. 8)": ["6Conv_SVM"],
        "Confusion matrices of AlexNet (as Fig. 9)": [*PUBLISHED[3], "5Conv_SVM"],
        "Confusion matrices of AlexNet + CBAM (as Fig. 10)": [*PUBLISHED[4]],
        "Confusion matrices of ResNet-18 and ResNet-18 + CBAM": [name for name in PUBLISHED[7] if name.startswith("Resnet")],
    }
    others = [name for name in outcome.shown if not any(name in names for names in groups.values())]
    groups |= {"Classification reports of the other variants": others, "Confusion matrices of the other variants": others}
    there = {caption: [name for name in names if name in outcome.shown] for caption, names in groups.items()}
    return {caption: names for caption, names in there.items() if names}


def written(drawn: Mapping[str, Callable[[], Figure]], folder: Path) -> tuple[dict[str, str], list[Path]]:
    """Each figure drawn and written as SVG, PNG and PDF; its SVG by its caption, and the files."""
    drawings, files = {}, []
    for caption, draw in drawn.items():
        figure = draw()
        stem = folder / "".join(letter if letter.isalnum() else "-" for letter in caption.lower()).strip("-")
        drawings[caption] = svg(figure)
        files.append(write_text(stem.with_suffix(".svg"), on_white(drawings[caption])))
        files.append(write_bytes(stem.with_suffix(".png"), png(figure)))
        files.append(write_bytes(stem.with_suffix(".pdf"), pdf(figure)))
    return drawings, files
