"""Commands about catalogues: look at them, audit, convert and split them, and get some to try."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from modiste.cli.words import (
    DATA,
    OUTPUT,
    ClassNames,
    Data,
    Format,
    Json,
    Label,
    Level,
    TaxonomyFile,
    names_a_folder,
    only_with,
    parse_shares,
    read_catalogue,
    show,
)
from modiste.records.errors import UsageError


def describe(
    where: Data,
    /,
    *,
    format: Format = None,
    classes: ClassNames = None,
    taxonomy: TaxonomyFile = None,
    level: Level = "class",
    label: Label = None,
    json: Json = False,
) -> None:
    """Count the photos of each class and split."""
    from modiste.data.describe import describe as count

    catalogue = read_catalogue(where, format, classes, taxonomy, None, level, label)
    table = count(catalogue)
    plain = {"root": str(catalogue.root), "classes": list(catalogue.classes.names), **table.plain()}
    show(plain, [table], json, f"\nClasses: {catalogue.classes}")


def audit(
    where: Data,
    /,
    *,
    output: Annotated[
        Path | None,
        Parameter(
            name=("--output", "-o"),
            group=OUTPUT,
            validator=names_a_folder,
            help="The audit's folder, gone on with when it is there: audit/NAME when left away.",
        ),
    ] = None,
    fix: Annotated[Path | None, Parameter(group=OUTPUT, help="Write the mended catalogue into this new folder.")] = None,
    label_errors: Annotated[bool, Parameter(group=DATA, negative="--no-label-errors", help="Judge the labels too.")] = True,
    seed: Annotated[int, Parameter(group=DATA, help="The seed of the search and of the folds.")] = 0,
    format: Format = None,
    classes: ClassNames = None,
    taxonomy: TaxonomyFile = None,
    json: Json = False,
) -> None:
    """Look for what is wrong with photos, labels and splits; write findings.csv and a page of pictures. Nothing is changed.

    Unreadable, blank, tiny, blurred photos; twins; leaks between splits; labels that photos or words disagree with.
    A stopped audit goes on when the command is given again. Ends with 3 when photos cannot be opened.
    """
    from modiste.audits import audit as examine
    from modiste.audits import auditable
    from modiste.data.taxonomy import read_taxonomy
    from modiste.records.labels import Classes
    from modiste.terminal import progress

    words = read_taxonomy(taxonomy)
    catalogue = auditable(where, format, Classes.parse(classes) if classes else None, words)
    with progress() as tell:
        done = examine(
            catalogue,
            output,
            fix=fix,
            taxonomy=words,
            label_errors=label_errors,
            seed=seed,
            command=["modiste", *sys.argv[1:]],
            tell=tell,
        )
    table, folder = done.audit.table(), done.folder
    wrote = f"\nFindings: {folder / 'findings.csv'}\nReport: {done.report}"
    if done.fixed is not None:
        wrote += f"\nMended: {done.fixed_at}, {len(done.fixed.catalogue):,} photos, {len(done.fixed.changes):,} changes in changes.csv"
    tables = [table] if table.rows else []
    plain = {"folder": str(folder), "report": str(done.report), "fixed": done.fixed_at and str(done.fixed_at), **table.plain()}
    show(plain, tables, json, wrote if tables else "\n".join([f"{table.title}.", *table.notes, wrote]))
    if done.audit.seen.looks.refused:
        raise SystemExit(3)


def dismiss(
    folder: Annotated[Path, Parameter(group=DATA, help="The audit's folder.")],
    *ids: Annotated[str, Parameter(group=DATA, help="Codes of findings, as the page and findings.csv give them.")],
    note: Annotated[str, Parameter(group=DATA, help="Why, for whoever reads dismissed.csv.")] = "",
    json: Json = False,
) -> None:
    """Remember that findings are none: not a duplicate, a right label. They are not shown again."""
    from modiste.records.findings import dismiss as remember

    if not ids:
        raise UsageError("give the codes of the findings to dismiss, as findings.csv has them in its column id.")
    gone = remember(folder, ids, note)
    show({"dismissed": [finding.path for finding in gone]}, [], json, f"Dismissed {len(ids)}; remembered in {folder / 'dismissed.csv'}")


def convert(
    where: Data,
    to: Annotated[Path, Parameter(group=OUTPUT, help="A new or empty folder.")],
    /,
    *,
    write: Annotated[str, Parameter(group=OUTPUT, help="The format to write; `modiste data formats` lists them.")] = "paper",
    accept_suggestions: Annotated[
        bool, Parameter(negative="", group=DATA, help="Take suggested labels for labels where there are none.")
    ] = False,
    link: Annotated[
        bool, Parameter(negative="", group=OUTPUT, help="Link the photos instead of copying them, where the disk can.")
    ] = False,
    format: Format = None,
    classes: ClassNames = None,
    taxonomy: TaxonomyFile = None,
    level: Level = "class",
    label: Label = None,
    json: Json = False,
) -> None:
    """Write a catalogue in another format, photos included. The original is not touched."""
    from modiste.data.layouts.writers import write as write_catalogue
    from modiste.data.split import accept
    from modiste.terminal import progress

    catalogue = read_catalogue(where, format, classes, taxonomy, None, level, label)
    if accept_suggestions:
        catalogue = accept(catalogue)
    with progress() as tell:
        wrote = write_catalogue(catalogue, to, write, not link, tell)
    show({"wrote": str(wrote), "photos": len(catalogue)}, [], json, f"Wrote {len(catalogue):,} photos to {wrote}")


def split(
    where: Data,
    to: Annotated[Path, Parameter(group=OUTPUT, help="A new or empty folder; photos are linked where the disk can.")],
    /,
    *,
    shares: Annotated[str | None, Parameter(group=DATA, help="Shares of the splits: train=0.8,test=0.2 when left away.")] = None,
    by_source: Annotated[bool, Parameter(negative="", group=DATA, help="By source, as the paper: AAT trains, LAT tests.")] = False,
    within: Annotated[
        str | None, Parameter(group=DATA, help="Divide only the photos of this split, such as train; the others keep theirs.")
    ] = None,
    twins: Annotated[
        bool,
        Parameter(group=DATA, negative="--no-twins", help="Look for duplicates and keep them on one side, as a product's views are."),
    ] = True,
    seed: Annotated[int | None, Parameter(group=DATA, help="The seed of the division: 0.")] = None,
    format: Format = None,
    classes: ClassNames = None,
    label: Label = None,
    json: Json = False,
) -> None:
    """Divide a catalogue into splits: every class on each side, twins and views of one product together."""
    from modiste.data.describe import holdings
    from modiste.data.layouts.writers import write
    from modiste.data.split import by_source as divide_by_source
    from modiste.data.split import split as divide
    from modiste.terminal import progress

    if by_source and (shares is not None or within is not None or seed is not None or not twins):
        raise UsageError("--by-source divides by source alone: leave --shares, --within, --seed and --no-twins away.")
    parsed = parse_shares(shares or "train=0.8,test=0.2")
    catalogue = read_catalogue(where, format, classes, None, None, label=label)
    with progress() as tell:
        if twins and not by_source:
            from modiste.data.auditing.audit import together

            catalogue = together(catalogue, tell=tell)
        made = divide_by_source(catalogue) if by_source else divide(catalogue, parsed, seed or 0, within)
        wrote = write(made, to, "paper", False, tell)
    table = holdings(made)
    show({"wrote": str(wrote), **table.plain()}, [table], json, f"\nWrote {wrote}")


def taxonomy(
    *words: Annotated[str, Parameter(group=DATA, help="Types, ids or titles to look up; without them the whole tree is printed.")],
    taxonomy: TaxonomyFile = None,
    level: Annotated[
        str | None, Parameter(group=DATA, help="Suggest classes at this level: class (when left away), group or type.")
    ] = None,
    copy_to: Annotated[Path | None, Parameter(group=OUTPUT, help="Write a copy to change and give with --taxonomy.")] = None,
    json: Json = False,
) -> None:
    """Show which class each product type belongs to, what a word or title suggests, or copy the file to change it."""
    from modiste.data.taxonomy import copy_taxonomy, read_taxonomy, read_tree
    from modiste.records.table import Table

    only_with("words to look up", bool(words), {"--level": level})
    if copy_to is not None:
        if words:
            raise UsageError("--copy-to copies the file: leave the words away.")
        wrote = copy_taxonomy(taxonomy, copy_to)
        show({"wrote": str(wrote)}, [], json, f"Wrote {wrote}")
    elif not words:
        tree = list(read_tree(taxonomy).lines())
        show({"lines": tree}, [], json, "\n".join(tree))
    else:
        known = read_taxonomy(taxonomy, level or "class")
        found = [known.suggestion(word) or known.suggestion_of({"title": word}, product=word) for word in words]
        rows = [
            (word, known.classes.names[made.label] if made else None, made.by if made else "nothing known")
            for word, made in zip(words, found, strict=True)
        ]
        table = Table("Suggestions", ("word", "suggests", "because of"), tuple(rows))
        show(table.plain(), [table], json)


def formats(*, json: Json = False) -> None:
    """List the layouts that catalogues are read from and written to."""
    from modiste.data.layouts.readers import READERS
    from modiste.data.layouts.writers import WRITERS
    from modiste.records.table import Table

    rows = [(name, "yes" if name in WRITERS else "", reader.looks_like) for name, reader in READERS.items()]
    rows += [(name, "yes", "the paper's layout with a description for machines beside it") for name in WRITERS if name not in READERS]
    table = Table(
        "Formats", ("format", "written too", "what it looks like"), tuple(rows), ("All of them are also read inside a .zip or .tar.",)
    )
    show(table.plain(), [table], json)


def draw(
    to: Annotated[Path, Parameter(group=OUTPUT, help="A new or empty folder.")],
    /,
    *,
    photos: Annotated[int, Parameter(group=DATA, help="How many.")] = 400,
    side: Annotated[int, Parameter(group=DATA, help="Their side in px.")] = 96,
    seed: Annotated[int, Parameter(group=DATA, help="Another seed draws other pictures.")] = 0,
    json: Json = False,
) -> None:
    """Draw a small catalogue of the four classes, to try things with."""
    from modiste.data.describe import describe as count
    from modiste.data.samples.drawn import draw as draw_photos

    table = count(draw_photos(to, photos, side, seed))
    show({"wrote": str(to), **table.plain()}, [table], json, f"\nWrote {to}")


def fetch(
    name: Annotated[str, Parameter(group=DATA, help="fashion-mnist: 70,000 grey pictures of Zalando's articles, 28 px.")],
    to: Annotated[Path, Parameter(group=OUTPUT, help="A new or empty folder.")],
    /,
    *,
    photos: Annotated[int, Parameter(group=DATA, help="Take so many of them, by chance.")] = 7000,
    source: Annotated[Path | None, Parameter(group=DATA, help="A folder that holds its four .gz files already.")] = None,
    seed: Annotated[int, Parameter(group=DATA, help="Another seed takes others.")] = 0,
    json: Json = False,
) -> None:
    """Get a public data set, its types mapped to the paper's classes."""
    from modiste.data.describe import describe as count
    from modiste.data.samples.fashion_mnist import fetch as fetch_fashion_mnist

    if name != "fashion-mnist":
        raise UsageError(f"no data set called '{name}'. There is: fashion-mnist.")
    catalogue, origin = fetch_fashion_mnist(to, photos, seed, source, lambda words: print(words, file=sys.stderr, flush=True))
    table = count(catalogue)
    show({"wrote": str(to), "origin": origin, **table.plain()}, [table], json, f"\n{origin}\nWrote {to}")


COMMANDS: tuple[Callable[..., None], ...] = (describe, audit, dismiss, convert, split, taxonomy, formats, draw, fetch)
