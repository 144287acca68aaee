"""From a run to a bundle: graph, kind, calibration, the gate, the card, one file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modiste.data.layouts.readers import read
from modiste.evaluation.statistics.calibration import gives_margins
from modiste.exporting.asking import answers, by_onnxruntime
from modiste.exporting.by_torch import by_torch
from modiste.exporting.card import facts_of, model_card, plain_name
from modiste.exporting.evidence import Judged, judge
from modiste.exporting.graph import STRANGENESS, export_graph
from modiste.exporting.kinds import CALIBRATED_ON, EXPORTS, Kind
from modiste.exporting.parity import Gate, compare
from modiste.exporting.photos import Photos, photos_for
from modiste.exporting.rejecting import rejecting
from modiste.exporting.strangeness import Strangeness, fit_strangeness
from modiste.exporting.tail import finished
from modiste.records.catalogue import TEST, VALIDATION, Catalogue
from modiste.records.errors import UsageError, unknown
from modiste.records.own import refuse_inside
from modiste.records.predictions import Predictions
from modiste.records.progress import Progress, Tell, silent
from modiste.records.run import Run, slug
from modiste.serving.bundle import Card
from modiste.training.model import Model, open_model


@dataclass(frozen=True, eq=False)
class Exported:
    """What an export came to; `written` is None where the gate refused it."""

    written: Path | None
    card: Card
    gate: Gate
    size: int  # bytes of the graph
    remedy: str  # where it was refused

    @property
    def words(self) -> tuple[str, ...]:
        """What came of it, in lines for people."""
        facts, card = self.card.facts, self.card
        evidence = facts["evidence"]
        known = f"temperature {card.temperature:.3f}, from {evidence['photos']:,} photos of {evidence['split']} ({evidence['source']})"
        instead = "" if evidence["split"] == TEST else "; --evidence test takes those of test"
        lacking = f"photos of {evidence['split']}, and there are none{instead}"
        sure = known if evidence["photos"] else f"not calibrated: that takes {lacking}"
        takes = lacking if facts["strangeness"] else "--data"
        strange = (
            f"no photo is rejected: that takes {takes}"
            if card.reject_above is None
            else f"above {card.reject_above:.3g} a photo is rejected"
        )
        passed = "passed" if not self.gate.failures else f"NOT passed: {'; '.join(self.gate.failures)}"
        wrote = f"Wrote {self.written} ({self.size / 1e6:.1f} MB)."
        refused = f"Nothing was written. {self.remedy} --anyway writes it all the same."
        return (
            f"{card.name}: {facts['words']}",
            f"Confidence: {sure}",
            f"Strangeness: {strange}",
            f"Gate {passed}; {self.gate.words}.",
            refused if self.written is None else wrote,
        )

    def plain(self) -> dict[str, Any]:
        """The answer as plain values."""
        evidence = self.card.facts["evidence"]
        return {
            "written": None if self.written is None else str(self.written),
            "name": self.card.name,
            "kind": self.card.facts["kind"],
            "bytes": self.size,
            "temperature": self.card.temperature,
            "reject_above": self.card.reject_above,
            "evidence": dict(evidence),
            "gate": dict(self.gate.plain()),
        }


def export(
    run: Run | Path | str,
    to: str = "onnx",
    output: Path | str | None = None,
    catalogue: Catalogue | Path | str | None = None,
    *,
    evidence: str = VALIDATION,
    usual: float = 0.99,
    reject: str | None = None,
    name: str | None = None,
    about: str = "",
    anyway: bool = False,
    tell: Tell = silent,
) -> Exported:
    """A run as a bundle of some kind (a name of EXPORTS), held against the run before it is written.

    Evidence comes from photos of a split that was not learnt from. `usual` is the share of them that are not to be rejected as strange.
    `reject` is a class that stands for what is no product: the bundle does not call it, its score is the photo's strangeness.
    `about` goes into the model card, in markdown: where the photos come from, who may use it.
    """
    run = run if isinstance(run, Run) else Run(Path(run))
    if to not in EXPORTS:
        raise unknown("kind of export", to, EXPORTS)
    if not 0 < usual <= 1:
        raise UsageError(f"--usual {usual}: a share above 0 and up to 1, such as 0.99.")
    kind, called = EXPORTS[to], plain_name(name or named(run, to))
    if reject is not None and catalogue is None:
        raise UsageError(f"--reject {reject}: from where on a photo is rejected is learnt from photos. Give them with --data.")
    path = path_of(output, called, kind)
    kind.check(path)
    catalogue = read(catalogue) if isinstance(catalogue, Path | str) else catalogue
    if catalogue is not None and output is not None:  # the usual place is where the command is given, which may hold the photos too
        refuse_inside(path, catalogue.root, "--output")
    model = open_model(run) if reject is None else rejecting(open_model(run), reject, margins=gives_margins(run.recipe))
    photos = photos_for(run, model, catalogue, evidence, reject, tell)
    tell(Progress("exporting the graph", 0, 1, "graph"))
    graph = kind.make(export_graph(model), photos.learnt)
    strangeness, judged = calibrated(graph, model, photos, usual, tell)
    whole = finished(graph, judged.temperature, strangeness)
    scores = answers(by_torch(model), photos.compared, tell, "asking the run").scores.astype(np.float64)
    said = answers(kind.ask(whole), photos.compared, tell, "asking the export")
    gate = compare(scores, said, photos.compared, judged.temperature, kind.limits, photos.drawn)
    more = {
        "words": kind.words,
        "evidence": evidence_facts(judged, photos, evidence, catalogue),
        "strangeness": strangeness_facts(strangeness, photos, reject, usual),
        "calibrated_on": min(CALIBRATED_ON, len(photos.learnt)) if to.startswith("onnx-int8") and photos.learnt else None,
        "gate": dict(gate.plain()),
        "gate_words": gate.words,
    }
    card = card_of(called, run, model, to, judged, about, more)
    keep = anyway or not gate.failures
    if keep:
        kind.write(path, whole, card)
    return Exported(path if keep else None, card, gate, len(whole), kind.remedy)


def named(run: Run, to: str) -> str:
    """A bundle's usual name: the network, and the kind where it is not fp32."""
    return slug(run.recipe.network) + to.removeprefix("onnx") if to.startswith("onnx") else f"{slug(run.recipe.network)}-{to}"


def path_of(output: Path | str | None, name: str, kind: Kind) -> Path:
    """Where the export goes; a name that does not say what it is is refused."""
    path = Path(f"{name}{kind.suffix}") if output is None else Path(output)
    if path.suffix.lower() != kind.suffix:
        raise UsageError(f"--output {path}: the name of this kind of export ends in {kind.suffix}.")
    return path


def calibrated(graph: Any, model: Model, photos: Photos, usual: float, tell: Tell) -> tuple[Strangeness | None, Judged]:
    """What is usual, the temperature and the evidence, from the very graph that is exported."""
    if photos.learnt is None and photos.judged is None:
        return None, judge(photos.stored, None, usual)
    ask, strangeness = by_onnxruntime(finished(graph, 1.0)), None
    told = any(output.name == STRANGENESS for output in graph.graph.output)
    if photos.learnt is not None and not told:
        learnt = answers(ask, photos.learnt, tell, "learning what is usual")
        strangeness = fit_strangeness(learnt.features.astype(np.float64), photos.learnt.labels)
    if photos.judged is None:
        return strangeness, judge(photos.stored, None, usual)
    found = answers(ask, photos.judged, tell, "gathering evidence")
    said = Predictions(model.classes.names, photos.judged.paths, photos.judged.labels, found.scores.astype(np.float64))
    strange = None if strangeness is None else strangeness.of(found.features.astype(np.float64))
    return strangeness, judge(said, strange if found.strangeness is None else found.strangeness.astype(np.float64), usual)


def strangeness_facts(strangeness: Strangeness | None, photos: Photos, reject: str | None, usual: float) -> Mapping[str, Any] | None:
    """What strangeness was learnt from: a class, or what photos of train have in common."""
    if reject is not None:
        return {"class": reject, "usual": usual}
    return None if strangeness is None or photos.learnt is None else {"learnt_from": len(photos.learnt), "usual": usual}


def evidence_facts(judged: Judged, photos: Photos, split: str, catalogue: Catalogue | None) -> Mapping[str, Any]:
    """Where the evidence comes from."""
    count = 0 if judged.predictions is None else len(judged.predictions)
    source = "none"
    if count and (photos.judged is None or catalogue is None):
        source = "the run's stored predictions"
    elif count and photos.judged is not None and catalogue is not None:
        source = f"photos of {catalogue.root.name}"
        if photos.stored is not None and not set(photos.stored.photos) & set(photos.judged.paths):
            source += f", other ones than the run's own photos of {split}: see that it did not learn from them"
    return {"split": split, "photos": count, "source": source}


def card_of(name: str, run: Run, model: Model, to: str, judged: Judged, about: str, more: Mapping[str, Any]) -> Card:
    """The card, its text made of its facts."""
    reject = (more["strangeness"] or {}).get("class")
    facts = facts_of(run, to, judged, reject, more)
    text = model_card(name, model.classes.names, facts, judged.reject_above, judged.temperature, about)
    return Card(name, model.classes, model.eyes.pixels, judged.temperature, judged.evidence, judged.reject_above, facts, text)
