"""The command that labels photos: one row each."""

from __future__ import annotations

import json as json_format
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from modiste.cli.words import DATA, OUTPUT, Format, Json, Level, TaxonomyFile, only_with, settings_of, show
from modiste.records.errors import ModisteError, UsageError
from modiste.records.progress import Progress, Tell
from modiste.records.words import counted

if TYPE_CHECKING:
    from modiste.data.layouts.sources import Source
    from modiste.labelling.labelled import Labelled
    from modiste.labelling.plan import Planned
    from modiste.serving.labeller import Labeller

DEFAULT = Path("labels.csv")
ON_THE_PAGE = 240  # photos
SHOWN = (
    "How photos become the input of such a file: --set pixels.colour=rgb --set pixels.fit=crop --set pixels.normalise=imagenet, and "
    "pixels.side where it takes any."
)
Source_ = Annotated[
    Path, Parameter(group=DATA, help="A folder, a .zip or .tar, a table of paths (CSV, Parquet, JSON Lines), any catalogue, or one photo.")
]


def label(
    source: Source_,
    /,
    *,
    output: Annotated[
        Path | None,
        Parameter(
            name=("--output", "-o"), group=OUTPUT, help="The table: .csv, .parquet or .jsonl. labels.csv when left away; one photo: none."
        ),
    ] = None,
    model: Annotated[
        Path | None, Parameter(group=DATA, help="A bundle, a run's folder, or an ONNX file; without it, modiste's own.")
    ] = None,
    precision: Annotated[
        float | None, Parameter(group=DATA, help="Share of the automatic labels that shall be right: the others are for people. 0.95.")
    ] = None,
    limit: Annotated[int | None, Parameter(group=DATA, help="The first so many photos alone.")] = None,
    review: Annotated[bool, Parameter(negative="", group=OUTPUT, help="Write the list of what people should look at too.")] = False,
    report: Annotated[bool, Parameter(negative="", group=OUTPUT, help="Write a page of photos too, the doubtful ones first.")] = False,
    photos: Annotated[int | None, Parameter(group=OUTPUT, help="Photos on that page, at most: 240.")] = None,
    dry_run: Annotated[
        bool, Parameter(negative="", group=OUTPUT, help="Say how many photos, how long and how much disk; write nothing.")
    ] = False,
    threads: Annotated[
        int | None, Parameter(group=OUTPUT, help="Photos that are scored at a time; one a processor when left away.")
    ] = None,
    classes: Annotated[str | None, Parameter(group=DATA, help="The classes of an ONNX file that does not say them, in order.")] = None,
    set: Annotated[
        tuple[str, ...],
        Parameter(name="--set", group=DATA, negative="", help=SHOWN),
    ] = (),
    format: Format = None,
    taxonomy: TaxonomyFile = None,
    level: Level = "class",
    json: Json = False,
) -> None:
    """Label photos: exactly one row each, with every probability, what to do with it, and whether the shop's own words agree.

    A stopped job goes on when the command is given again; photos that were labelled before are not scored again. Ends with 3 when
    photos could not be read. With --json, progress goes to standard error, an object a line.
    """
    from modiste.data.layouts.sources import source_at
    from modiste.data.taxonomy import read_taxonomy
    from modiste.labelling.ready import ready

    only_with("--report", report, {"--photos": photos})
    if photos is not None and photos < 1:
        raise UsageError(f"--photos {photos}: must be 1 or more.")
    words = read_taxonomy(taxonomy, level)
    found = source_at(source, format, words, lenient=True)
    to = output or (None if found.is_one else DEFAULT)
    if to is None and (review or report):
        raise UsageError("--review and --report are written beside a table: give one with --output.")
    with ready(found):  # a worker starts while all that is heavy is imported
        from modiste.labelling.labelled import Wanted
        from modiste.labelling.labelled import label as label_all
        from modiste.serving.labeller import PRECISION

        with listening(json) as tell:
            labeller = labeller_of(model, classes, set, tell)
    shown = (photos or ON_THE_PAGE) if report else 0
    wanted = Wanted(PRECISION if precision is None else precision, words, limit, threads, None, review, shown, ["modiste", *sys.argv[1:]])
    with listening(json) as tell:
        if dry_run:
            return tell_plan(found, to, labeller, wanted, tell, json)
        done = label_all(found, to, labeller, wanted, tell)
    show(done.plain, tables_of(done), json, after(done))
    if done.tally.unread or found.unlisted:
        raise SystemExit(3)
    return None


def labeller_of(model: Path | None, classes: str | None, pixels: tuple[str, ...], tell: Tell) -> Labeller:
    """The network that was asked for, on one thread: photos are scored side by side. A run is exported into its folder, once."""
    from modiste.records.labels import Classes
    from modiste.serving.labeller import load

    if model is not None and (model / "recipe.json").is_file():
        model = exported(model, tell)
    return load(model, classes=Classes.parse(classes) if classes else None, pixels=pixels_said(pixels), threads=1)


def pixels_said(pairs: tuple[str, ...]) -> dict[str, str] | None:
    """What --set pixels.key=value says of how photos are shown to a network; other settings are refused, which mean nothing here.

    >>> pixels_said(("pixels.colour=rgb", "recipe.pixels.fit=crop"))
    {'colour': 'rgb', 'fit': 'crop'}
    """
    said = {key.removeprefix("recipe."): value for key, value in settings_of(pairs, None, None).items()}
    if others := [f"{key}={value}" for key, value in said.items() if not key.startswith("pixels.")]:
        raise UsageError(
            f"--set {others[0]}: a network that is there already is not trained. Here --set says how photos are shown to it: {SHOWS}."
        )
    return {key.removeprefix("pixels."): value for key, value in said.items()} or None


SHOWS = "pixels.side, pixels.colour, pixels.fit, pixels.normalise, pixels.mean, pixels.std"


def exported(run: Path, tell: Tell) -> Path:
    """The bundle in a run's folder, made when first asked for."""
    bundle = run / "bundle.onnx"
    if not bundle.is_file():
        from modiste.exporting.export import export

        made = export(run, "onnx", bundle, tell=tell)
        if made.written is None:
            raise ModisteError(f"{run} cannot be exported: {' '.join(made.words)}")
    return bundle


@contextmanager
def listening(json: bool) -> Iterator[Tell]:
    """Who is told of progress: the terminal, or with --json a line of JSON on standard error, every second at most."""
    from modiste.terminal import progress

    if not json:
        with progress() as tell:
            yield tell
        return
    last = 0.0

    def line(told: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= 1 or told.done == told.total:
            last = now
            plain = {"stage": told.stage, "done": told.done, "total": told.total, "unit": told.unit}
            print(json_format.dumps(plain), file=sys.stderr, flush=True)

    yield line


def tell_plan(found: Source, to: Path | None, labeller: Labeller, wanted: Any, tell: Tell, json: bool) -> None:
    """What would be done."""
    from modiste.labelling.plan import plan

    planned = plan(found, to, labeller, wanted, tell)
    show({"output": to and str(to), "model": labeller.id, **vars(planned)}, [], json, "\n".join(plan_words(planned, to, labeller.id)))


def plan_words(planned: Planned, to: Path | None, model: str) -> list[str]:
    left = planned.photos - planned.answered
    return [
        f"{counted(planned.photos, 'photo')}, {planned.answered:,} of them answered before.",
        f"{left:,} to score with {model}: about {duration(planned.seconds)}.",
        f"Disk: about {planned.disk_bytes / 1e6:,.1f} MB for {to}." if to else "Nothing would be written.",
        *planned.notes,
        "Nothing was written. The same command without --dry-run does it.",
    ]


def duration(seconds: float) -> str:
    """A length of time in the units that people use.

    >>> duration(0.4), duration(75), duration(5400)
    ('1 s', '75 s', '90 min')
    """
    if seconds < 120:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def tables_of(done: Labelled) -> list[Any]:
    """Counts a class; of one photo, its probabilities."""
    from modiste.records.table import Table

    names = done.thresholds.classes.names
    if done.output is not None:
        return [done.tally.table(names)]
    first = [row for row in done.first if row.probabilities]
    shares = [sorted(zip(names, row.probabilities, strict=True), key=lambda pair: pair[1], reverse=True) for row in first]
    return [Table(row.listed.photo, ("label", "probability"), tuple(some)) for row, some in zip(first, shares, strict=True)]


def after(done: Labelled) -> str:
    """What came of it in sentences, where it was written, and what to do next."""
    if done.output is None:
        return "".join(f"\n{line}" for line in [*(one_photo(row.decision, row.reason) for row in done.first), *done.notes])
    took = f"{done.seconds:.0f} s" + (f", {done.found:,} of them answered before" if done.found else "")
    places = {"Table": done.output, "To review": done.review, "Page": done.page}
    said = [
        *done.words,
        *done.tally.reasons(),
        *done.notes,
        f"It took {took}.",
        "",
        *(f"{name}: {place}" for name, place in places.items() if place),
    ]
    return "\n" + "\n".join([*said, *([f"Next: {following(done)}"] if following(done) else [])])


def one_photo(decision: str, reason: str) -> str:
    from modiste.data.opening.refusals import REASONS
    from modiste.serving.deciding import WHY

    words = (REASONS | WHY).get(reason, WHY["strange"])
    return f"{decision}: {reason.replace('_', ' ')}: {words}" if reason else decision


def following(done: Labelled) -> str:
    """The command that goes on from here."""
    if not (done.tally.decisions["review"] or done.tally.disagree or done.tally.rejected):
        return ""
    lacking = [option for option, place in (("--report", done.page), ("--review", done.review)) if place is None]
    if lacking:
        return f"the same command with {' '.join(lacking)} shows what to look at; nothing is scored again."
    return f"look at {done.page}, and fill in the column right_label of {done.review}."


COMMANDS: tuple[Callable[..., None], ...] = (label,)
