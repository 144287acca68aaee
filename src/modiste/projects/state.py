"""How a project stands, as plain values: what every page shows at its edges."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

import numpy as np

from modiste.annotating.decisions import now
from modiste.annotating.estimates import Point, accuracy, in_turn, needed, percent
from modiste.projects.guesses import Guesses
from modiste.projects.jobs import Job, Jobs
from modiste.projects.studio import Studio
from modiste.projects.views import shown
from modiste.serving.deciding import DECISIONS

Plain = dict[str, Any]
TARGET = 0.95  # share of photos on which a network is to be right


def state_of(studio: Studio, jobs: Jobs, who: str) -> Plain:
    """All of it; `version` grows with every change."""
    with studio.lock:
        version, found, model = studio.version, studio.found, studio.model
        readable = 0 if found is None else int((found.looked.places >= 0).sum())
        photos = 0 if found is None else found.looked.total
        return {
            "project": {
                "name": shown(studio.project.name),
                "source": shown(studio.project.about.source),
                "photos": photos,
                "looked": 0 if found is None else len(found),
                "readable": readable,
                "left_out": [shown(words) for words in studio.left_out],
                "classes": list(studio.classes.names),
                "precision": studio.precision,
            },
            "model": {"number": model.number, "name": studio.labeller.card.name, "id": model.id},
            "models": len(studio.models.models),
            "tried": studio.models.tried or studio.models.models[-1].labels,
            "who": who,
            "annotators": sorted(studio.standing.counts().people),
            "counts": counts_of(studio, found),
            "estimate": estimate_of(studio, found),
            "pace": pace_of(studio, who),
            "job": None if (job := jobs.next) is None else job_of(job),
            "last": None if jobs.last is None else {**asdict(jobs.last), "words": shown(jobs.last.words)},
            "trouble": None if (why := jobs.failed("look")) is None else shown(why),
            "version": version,
        }


def estimate_of(studio: Studio, found: Guesses | None) -> Plain | None:
    """How often the network in use is right, by the photos of the honest sample that were labelled, and what more labels would do."""
    if found is None or not studio.drawn:
        return None
    right, sampled, untold = judged(studio, found)
    known = accuracy(right, sampled, max(sampled, int((found.looked.places >= 0).sum())), untold)
    points = [point(studio, guesses, studio.models[number].labels) for number, guesses in studio.others.items()]
    target = needed([*points, point(studio, found, studio.model.labels)], TARGET)
    reached = known is not None and known.low >= TARGET  # which labels it was learnt from, if any, does not matter then
    return {
        "words": known.words if known else "",
        "accuracy": known.value if known else None,
        "low": known.low if known else None,
        "high": known.high if known else None,
        "sample": len(studio.drawn),
        "sampled": sampled + untold,
        "more": known.more if known else None,
        "more_words": f"{percent(TARGET)} % is reached" if reached else target.words,
    }


def judged(studio: Studio, found: Guesses) -> tuple[int, int, int]:
    """Photos of the sample, in its turn, on which a network is right, those of which a class stands, and those of which none does."""
    right = sampled = untold = 0
    for path in in_turn(studio.drawn, studio.standing.state):
        label, row = studio.standing.settled(path), found.by_path.get(path)
        if label is not None and row is not None:
            sampled += 1
            right += bool(found.labels[row] == studio.classes.code(label))
        else:
            untold += 1
    return right, sampled, untold


def point(studio: Studio, found: Guesses, labels: int) -> Point:
    """What a network that was learnt from so many labels gets wrong of the sample."""
    right, sampled, _ = judged(studio, found)
    return Point(labels, sampled - right, sampled)


def counts_of(studio: Studio, found: Guesses | None) -> Plain:
    """Photos by what was said of them, and by what the network would do with them."""
    counts = studio.standing.counts()
    judging = Counter(label for path in studio.sample if (label := studio.standing.settled(path)) is not None)
    lanes = [0] * len(DECISIONS) if found is None else np.bincount(found.decisions, minlength=len(DECISIONS)).tolist()
    return {
        "labelled": counts.labelled,
        "learnable": counts.labelled - judging.total(),
        "unsure": counts.unsure,
        "bad": counts.bad,
        "conflicts": counts.conflicts,
        "replaced": len(studio.replaced()),
        "left": 0 if found is None else left_of(studio, found),
        "classes": {name: counts.classes.get(name, 0) for name in studio.classes.names},
        "judging": {name: judging[name] for name in studio.classes.names},
        "lanes": dict(zip(DECISIONS, lanes, strict=True)),
    }


def left_of(studio: Studio, found: Guesses) -> int:
    """Photos that can be read and that nobody has spoken of."""
    places, rows = found.looked.places, found.by_path
    spoken = sum(bool(path in rows and places[rows[path]] >= 0) for path in studio.standing.photos())
    return int((places >= 0).sum()) - spoken


def pace_of(studio: Studio, who: str) -> Plain | None:
    pace = studio.standing.pace(who, now())
    return None if pace is None else {"per_minute": round(pace.per_minute, 1), "minutes": round(pace.minutes, 1)}


def job_of(job: Job) -> Plain:
    """What goes on in the background, with the seconds that are left where that can be told."""
    told = job.told
    if told is None:
        return {"kind": job.kind, "stage": "", "done": 0, "total": 0, "unit": "", "rate": None, "seconds_left": None, "words": ""}
    left = (told.total - told.done) / job.rate if job.rate else None
    return {
        "kind": job.kind,
        "stage": told.stage,
        "done": told.done,
        "total": told.total,
        "unit": told.unit,
        "rate": job.rate,
        "seconds_left": left,
        "words": told.note,
    }
