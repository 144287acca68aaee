"""Counts of what a server did, as Prometheus reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

WITHIN = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # seconds
Labels = tuple[tuple[str, str], ...]


@dataclass(eq=False)
class Metrics:
    """What was counted since the start. Its labels come from closed lists: no request can add another."""

    requests: Counter[Labels] = field(default_factory=Counter)
    photos: Counter[Labels] = field(default_factory=Counter)
    within: Counter[float] = field(default_factory=Counter)  # answered requests for labels, by the bound they kept
    seconds: float = 0.0
    answered: int = 0

    def request(self, path: str, method: str, status: int) -> None:
        self.requests[("path", path), ("method", method), ("status", str(status))] += 1

    def photo(self, decision: str, reason: str) -> None:
        self.photos[("decision", decision), ("reason", reason)] += 1

    def took(self, seconds: float) -> None:
        self.seconds, self.answered = self.seconds + seconds, self.answered + 1
        self.within.update(bound for bound in WITHIN if seconds <= bound)

    def text(self, now: Mapping[str, tuple[str, float]]) -> str:
        """All of it in Prometheus's text format; `now` is name -> (help, value) of what goes up and down."""
        lines = [*counts("modiste_requests_total", "Requests by path, method and status.", self.requests)]
        lines += counts("modiste_photos_total", "Photos by decision and reason.", self.photos)
        lines += ["# HELP modiste_label_seconds Time from a request's headers to its labels.", "# TYPE modiste_label_seconds histogram"]
        lines += [f'modiste_label_seconds_bucket{{le="{bound:g}"}} {self.within[bound]}' for bound in WITHIN]
        lines += [f'modiste_label_seconds_bucket{{le="+Inf"}} {self.answered}', f"modiste_label_seconds_sum {self.seconds:.6f}"]
        lines += [f"modiste_label_seconds_count {self.answered}"]
        for name, (words, value) in now.items():
            lines += [f"# HELP {name} {words}", f"# TYPE {name} gauge", f"{name} {value:g}"]
        return "\n".join(lines) + "\n"


def counts(name: str, words: str, counted: Counter[Labels]) -> Iterator[str]:
    """A counter's lines.

    >>> print(*counts("seen_total", "What was seen.", Counter({(("kind", "shoe"),): 2})), sep=" | ")
    # HELP seen_total What was seen. | # TYPE seen_total counter | seen_total{kind="shoe"} 2
    """
    yield f"# HELP {name} {words}"
    yield f"# TYPE {name} counter"
    for labels, count in sorted(counted.items()):
        words = ",".join(f'{key}="{value}"' for key, value in labels)
        yield f"{name}{{{words}}} {count}"
