"""What was learnt, as files: a new bundle, and beside it what it can do, for people (.md) and for programs (.json)."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from math import ceil, log
from pathlib import Path
from typing import Any

from modiste import __version__
from modiste.evaluation.statistics.calibration import ece, probabilities
from modiste.learning.learnt import USUAL, Learnt, plain_of
from modiste.learning.verdict import Verdict
from modiste.records.disk import write_json, write_text
from modiste.records.errors import UsageError
from modiste.records.own import refuse_others, says
from modiste.serving.bundle import Card, Evidence, graph_of, read_bundle, write_bundle
from modiste.serving.deciding import DOUBT, expected, thresholds
from modiste.serving.heads import with_head
from modiste.serving.labeller import PRECISION, is_bundle

MADE_BY = "modiste train --from"
VERSIONS = ("onnxruntime", "numpy", "scipy")
AS_IT_IS = "It stays as it is, and no bundle is written. More labels may change that."
HOW = (
    "Only the last layer is new. Whether and how strongly it was changed was decided by photos left out. Intervals are 95 %, over photos; "
    "no photo has a part in choosing the head that it is judged by."
)
OF_WHAT = (
    "Figures hold for photos like those that were labelled. Were they picked because the network was unsure of them, figures are of such "
    "photos, and say little of the others: label a hundred drawn at random too."
)
PLACES = 6  # decimals of the numbers in the evidence


@dataclass(frozen=True, eq=False)
class Written:
    """What came of it: where it was written, and in words."""

    learnt: Learnt
    bundle: Path | None  # None where the network is best left as it is
    id: str | None
    report: Path
    words: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        """All of it as plain values."""
        places = {"written": None if self.bundle is None else str(self.bundle), "id": self.id, "report": str(self.report)}
        return {**places, **plain(self.learnt), "words": list(self.words)}


def report_path(output: Path) -> Path:
    """Where the report stands: better.report.md beside better.onnx, and better.report.json for programs."""
    return output.with_name(f"{output.stem}.report.md")


def check_output(output: Path, base: Path | None) -> None:
    """Refuse a place where something stands that this command did not write, before anything is computed."""
    if output.suffix.lower() != ".onnx" or output.stem.startswith("."):
        raise UsageError(f"--output {output}: a bundle is called NAME.onnx.")
    if base is not None and output.exists() and output.samefile(base):
        raise UsageError(f"--output {output}: that is the network that is learnt from, which is never written over. Give another name.")
    refuse_others(output, lambda path: is_bundle(path) and "learnt" in read_bundle(path).card.facts, MADE_BY)
    for path in (report_path(output), report_path(output).with_suffix(".json")):
        refuse_others(path, lambda one: says(one, MADE_BY), MADE_BY)


def write(learnt: Learnt, output: Path) -> Written:
    """The bundle, unless the network is best left as it is, and the report, each renamed into place once whole."""
    bundle = None
    if learnt.head is not None:
        bundle = write_bundle(output, with_head(graph_of(learnt.base.data), learnt.head), card_of(learnt, output.stem))
    words = words_of(learnt)
    if bundle is None and output.exists():
        words = (*words, f"{output} was learnt at another time, and stands as it was: this is not of it.")
    written = Written(learnt, None if bundle is None else output, None if bundle is None else bundle.id, report_path(output), words)
    write_json(report_path(output).with_suffix(".json"), {"made_by": MADE_BY, **written.plain()})
    write_text(report_path(output), report(learnt, words))
    return written


def card_of(learnt: Learnt, name: str) -> Card:
    """The card of the new bundle: evidence and temperature come from photos that the head they were asked of had not seen."""
    base = learnt.base.card
    text = f"{report(learnt, words_of(learnt), name)}\n---\n\nThe network that it was learnt from, {learnt.base.id}:\n\n{base.text}"
    return Card(
        name, learnt.task.classes, base.pixels, learnt.temperature, evidence_of(learnt), learnt.reject_above, facts_of(learnt), text
    )


def evidence_of(learnt: Learnt) -> Evidence:
    """What the photos got that each head did not see."""
    found, strange = learnt.left_out, learnt.seen.strangeness
    return Evidence(
        called=tuple(found.called.tolist()),
        right=tuple((found.called == found.truth).tolist()),
        confidence=tuple(probabilities(found, learnt.temperature).max(1).round(PLACES).tolist()),
        strangeness=() if strange is None else tuple(strange.astype(float).round(PLACES).tolist()),
    )


def facts_of(learnt: Learnt) -> dict[str, Any]:
    """What made the bundle, as plain values; the same labels, network, seed and versions give the same."""
    base, found = learnt.base, learnt.left_out
    return {
        **{name: base.card.facts[name] for name in ("kind", "words", "network", "licence") if name in base.card.facts},
        "learnt": {
            "base": base.id,
            "labels_hash": learnt.labels_hash,
            "photos": counts_of(learnt),
            "refused": len(learnt.refused),
            "how": plain_of(learnt.candidate),
            "seed": learnt.seed,
            "made_with": {"modiste": __version__, "python": platform.python_version(), **{one: metadata.version(one) for one in VERSIONS}},
        },
        "evidence": {"split": "labelled photos", "photos": len(found), "source": "each photo by a head that did not see it"},
        "evidence_ece": round(ece(found, temperature=learnt.temperature), 4),
        "verdict": learnt.verdict.plain(),
        "test": None if learnt.test is None else learnt.test.plain(),
    }


def counts_of(learnt: Learnt) -> dict[str, int]:
    """How many photos of each class were learnt from."""
    counts = Counter(photo.label for photo in learnt.seen.photos)
    return {name: counts[code] for code, name in enumerate(learnt.task.classes.names)}


def plain(learnt: Learnt) -> Mapping[str, Any]:
    """What was learnt as plain values."""
    return {**facts_of(learnt), "temperature": learnt.temperature, "refused": list(learnt.refused), "notes": list(learnt.notes)}


def words_of(learnt: Learnt) -> tuple[str, ...]:
    """What came of it, in lines for people; the first is the verdict."""
    how = "anew" if learnt.candidate.anew else "beside what the network knew"
    first = [f"Verdict: {learnt.verdict.words}.", f"The last layer was learnt {how}, with a penalty of {learnt.candidate.penalty:.2g}."]
    if learnt.head is None:
        first = [f"Nothing that was tried is clearly better on these {len(learnt.seen):,} photos than the network as it is. {AS_IT_IS}"]
    test = () if learnt.test is None or learnt.head is None else (f"On split test: {learnt.test.words}.",)
    auto = () if learnt.head is None else automatic(card_of_evidence(learnt))
    refused = (f"{len(learnt.refused):,} photos could not be read, and were left out.",) if learnt.refused else ()
    return (*first, *test, *auto, *refused, *learnt.notes)


def card_of_evidence(learnt: Learnt) -> Card:
    base = learnt.base.card
    return Card("learnt", learnt.task.classes, base.pixels, learnt.temperature, evidence_of(learnt), learnt.reject_above)


def automatic(card: Card) -> tuple[str, ...]:
    """What the new bundle will label automatically."""
    found = expected(card, thresholds(card, PRECISION))
    few = ceil(log(DOUBT) / log(PRECISION))
    hint = (
        f" It takes about {few} labelled photos of a class, all called rightly, before one is." if found is not None and found.never else ""
    )
    return () if found is None else (f"At a precision of {PRECISION:g}: {found.words()}{hint}",)


def report(learnt: Learnt, words: tuple[str, ...], name: str | None = None) -> str:
    """All that is known, in markdown."""
    lines = [f"# {name or 'What was learnt'}", f"Made by `{MADE_BY}` from {learnt.base.id}.", "\n".join(f"- {word}" for word in words)]
    lines += [table for one in (learnt.verdict, learnt.test) if one is not None for table in tables(one)]
    many = ", ".join(f"{name} {count:,}" for name, count in counts_of(learnt).items())
    lines += [
        "## How it was made",
        f"Labelled photos: {many} (hash of the labels `{learnt.labels_hash[:16]}`). Seed {learnt.seed}. {HOW}",
        OF_WHAT,
    ]
    if learnt.reject_above is not None:
        lines.append(f"A photo stranger than {learnt.reject_above:.3g} is rejected; {100 * USUAL:g} % of the labelled photos are not.")
    lines += [f"- {one}" for one in learnt.refused]
    return "\n\n".join(lines) + "\n"


def tables(found: Verdict) -> list[str]:
    return [found.networks.markdown(), found.classes.markdown()]
