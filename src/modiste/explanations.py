"""Explanations from a run and photos to files: where the network looks, whether that can be believed, a page and explained.json."""

from __future__ import annotations

import platform
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modiste import __version__
from modiste.data.decoded import Pictures, decode
from modiste.data.describe import data_hash
from modiste.data.layouts.readers import read
from modiste.data.opening.refusals import PhotoRefused
from modiste.data.opening.thumbnails import framed
from modiste.data.opening.workers import each_photo
from modiste.evaluation.explained import NAMES, Checked, Gate, Looks, faithfulness_table, gates_table, product_table, sanity_table, summary
from modiste.evaluation.figures.heat import as_jpeg, as_png, no_larger, overlay
from modiste.evaluation.figures.looking import cascade_curves, exchange_curves
from modiste.evaluation.figures.results import svg
from modiste.evaluation.maps import Floats, Mask, another, area_under, mean_of, product_mask, share_on, sure
from modiste.evaluation.pages.explained_page import Card, Row, Tile, explained_page
from modiste.evaluation.showing import Choice, check_by, choices, losses, probabilities
from modiste.models.explain import cbams
from modiste.records.catalogue import TEST, Catalogue
from modiste.records.disk import write_bytes, write_json, write_text
from modiste.records.errors import ModisteError, UsageError
from modiste.records.own import refuse_inside
from modiste.records.predictions import Predictions
from modiste.records.progress import Tell, silent
from modiste.records.run import Run
from modiste.records.table import Table
from modiste.training.looking import Rows, Viewer, check, gates_of, large, maps_of, methods_for
from modiste.training.machine import device as device_of
from modiste.training.model import Model, open_model, scored, whole_on
from modiste.training.team import Team

MOST_PHOTOS = 5000  # of a catalogue: more are drawn from it
MOST_WRONG = 200  # photos called wrong that are looked at, beside those drawn at random
MOST_BYTES = 5_800_000  # of a page
SIZES_PX = ((192, 82), (160, 78), (128, 70), (96, 60))  # of its pictures, and their quality: the first that fits
TRUTH = "truth"  # the map of the true class, in a mistake


@dataclass(frozen=True, eq=False)
class Seen:
    """What was found in the photos that were looked at: rows among the predictions, masks and maps beside them."""

    rows: Rows  # (R,)
    drawn: Mask  # (R,): whether drawn at random
    masks: Mask  # (R, S, S)
    maps: Mapping[str, Floats]  # method -> (R, h, w); `truth` has the first method's for the true class
    looks: Looks

    def at(self, row: int) -> int:
        return int(np.flatnonzero(self.rows == row)[0])


@dataclass(frozen=True, eq=False)
class Explained:
    """What an explanation says, and where it was written."""

    folder: Path
    page: Path
    summary: tuple[str, ...]
    tables: tuple[Table, ...]
    plain: Mapping[str, Any]


def explain(
    run: Run | Path | str,
    catalogue: Catalogue | Path | str,
    folder: Path | str | None = None,
    *,
    split: str | None = None,
    methods: Sequence[str] = (),
    photos: int = 6,
    checked: int = 100,
    by: str | None = None,
    maps: bool = False,
    device: str = "auto",
    seed: int = 0,
    command: Sequence[str] = (),
    tell: Tell = silent,
) -> Explained:
    """Where a run's network looks in photos, checked, as explained/RUN/explained.html and explained.json.

    `photos` are shown under each heading, `checked` drawn at random for the checks. `by` shows 'class' or 'mistake' alone; `maps`
    writes the maps of the shown photos as PNG files. Each map is for the class that was called.
    """
    began, run = time.monotonic(), run if isinstance(run, Run) else Run(Path(run))
    catalogue = catalogue if isinstance(catalogue, Catalogue) else read(catalogue)
    folder = Path(folder) if folder is not None else Path("explained") / run.folder.resolve().name
    refuse_inside(folder, catalogue.root, "--output")
    if photos < 1 or checked < 2:
        raise UsageError(f"--photos {photos}, --checked {checked}: show 1 photo or more, check 2 or more.")
    check_by(by)
    model = open_model(run)
    methods = methods_for(model.network, methods)
    catalogue = wanted(catalogue, model, split, seed)
    predictions = scored(model, catalogue, Team(device_of(device)), tell)
    rng = np.random.default_rng(seed)
    shown = choices(predictions, photos, by, rng)
    rows, drawn, wrong = looked_at(predictions, shown, checked, rng)
    pictures = decode(catalogue.with_photos(catalogue.photos[row] for row in rows), model.eyes.pixels, None, tell=tell)
    network, given = whole_on(model, pictures)
    viewer = Viewer(model.network, given, device_of(device), seed, tell)
    seen = look(viewer, pictures, predictions, methods, rows, drawn, wrong)
    places = np.flatnonzero(seen.drawn)
    results = check(viewer, places, predictions.called[rows[places]], {name: seen.maps[name][places] for name in methods})
    gates = gates_of(viewer, places, seen.masks[places]) if cbams(network) else {}
    tables = tables_of(seen.looks, results, gates)
    about = circumstances(run, catalogue, methods, seed, command, time.monotonic() - began, device)
    said = summary(seen.looks, results, gates)
    plain = {"circumstances": about, "summary": said, **plain_of(run, catalogue, predictions, seen, results, gates, shown, tables)}
    colour = in_colour(catalogue, model, [predictions.photos[row] for row in sorted(rows_of(shown))], tell)
    write_json(folder / "explained.json", plain)
    html = fitting(run, catalogue, predictions, seen, shown, colour, said, tables, figures_of(results), about)
    written = write_text(folder / "explained.html", html)
    if maps:
        write_maps(folder, predictions, seen, shown)
    return Explained(folder, written, tuple(said), tuple(tables), plain)


def wanted(catalogue: Catalogue, model: Model, split: str | None, seed: int) -> Catalogue:
    """The labelled photos to look at: a split, test where there is one, or all; a large number is drawn from."""
    if catalogue.classes != model.classes:
        raise ModisteError(f"the run knows the classes {model.classes}; {catalogue.root} declares {catalogue.classes}.")
    split = split or (TEST if len(catalogue.split(TEST)) else None)
    labelled = catalogue.with_photos(
        photo for photo in catalogue.photos if photo.label is not None and (split is None or photo.split == split)
    )
    if len(labelled) < 2:
        splits = ", ".join(sorted({photo.split for photo in catalogue.photos} - {""})) or "no splits"
        raise ModisteError(f"{catalogue.root}: fewer than 2 labelled photos in split '{split or 'all'}'. It has: {splits}.")
    if len(labelled) <= MOST_PHOTOS:
        return labelled
    kept = np.sort(np.random.default_rng(seed).permutation(len(labelled))[:MOST_PHOTOS])
    return labelled.with_photos(labelled.photos[place] for place in kept)


def looked_at(
    predictions: Predictions, shown: Mapping[str, Sequence[Choice]], checked: int, rng: np.random.Generator
) -> tuple[Rows, Rows, Rows]:
    """The rows to look at, in order; of these the ones drawn at random, and those called wrong; the rest are to be shown."""
    drawn = rng.permutation(len(predictions))[:checked]
    wrong = rng.permutation(np.flatnonzero(predictions.called != predictions.truth))[:MOST_WRONG]
    return np.unique(np.concatenate([drawn, wrong, np.array(sorted(rows_of(shown)), np.int64)])), drawn, wrong


def look(
    viewer: Viewer, pictures: Pictures, predictions: Predictions, methods: Sequence[str], rows: Rows, drawn: Rows, wrong: Rows
) -> Seen:
    """Maps and masks of some rows of the predictions, whose pictures these are."""
    places = np.arange(len(rows))
    maps = {}
    for name in methods:
        maps[name] = maps_of(viewer, places, predictions.called[rows], name, f"looking by {name}")
        if name == methods[0] != "attention":
            maps[TRUTH] = maps_of(viewer, places, predictions.truth[rows], name, "looking for the true class")
    masks = np.stack([product_mask(pictures.at(places[place : place + 1])[0]) for place in places])
    area = np.array([mask.mean() if sure(mask) else np.nan for mask in masks])
    known = np.where(np.isnan(area), np.nan, 1.0)
    shares = {name: known * on_products(maps[name], masks) for name in methods}
    swapped = {name: known * on_products(another(maps[name]), masks) for name in methods}
    kept, names = np.isin(rows, np.concatenate([drawn, wrong])), np.array(predictions.classes)
    looks = Looks(
        photos=tuple(predictions.photos[row] for row in rows[kept]),
        truth=tuple(names[predictions.truth[rows[kept]]].tolist()),
        called=tuple(names[predictions.called[rows[kept]]].tolist()),
        drawn=np.isin(rows[kept], drawn).astype(np.float64),
        area=area[kept],
        shares={name: values[kept] for name, values in shares.items()},
        swapped={name: values[kept] for name, values in swapped.items()},
    )
    return Seen(rows, np.isin(rows, drawn), masks, maps, looks)


def on_products(maps: Floats, masks: Mask) -> Floats:
    """How much of each map's mass lies on the product, (R,): maps are made as large as their pictures one at a time."""
    side = masks.shape[-1]
    return np.concatenate([share_on(large(one[None], side), mask[None]) for one, mask in zip(maps, masks, strict=True)])


def rows_of(shown: Mapping[str, Sequence[Choice]]) -> set[int]:
    return {row for listed in shown.values() for choice in listed for row in choice.rows}


def tables_of(looks: Looks, checked: Checked, gates: Mapping[str, Gate]) -> list[Table]:
    """Every check as a table."""
    made = [
        product_table(looks),
        faithfulness_table(checked.deletion, checked.chances, insertion=False),
        faithfulness_table(checked.insertion, checked.chances, insertion=True),
    ]
    return [*made, *([sanity_table(checked)] if checked.cascade else []), *([gates_table(gates)] if gates else [])]


def figures_of(checked: Checked) -> dict[str, str]:
    """The checks as figures, by their captions."""
    made = {
        "The probability of the class as pixels are greyed, or shown in a grey picture, mean over photos": svg(exchange_curves(checked))
    }
    if checked.cascade:
        made["What is left of a map as layers are shuffled from the head down: rank correlation with the trained network's"] = svg(
            cascade_curves(checked)
        )
    return made


def in_colour(catalogue: Catalogue, model: Model, paths: Sequence[str], tell: Tell) -> dict[str, NDArray[np.uint8]]:
    """The photos to show, in colour and in the frame that the network sees, by path."""
    options = {"side": SIZES_PX[0][0], "fit": model.eyes.pixels.fit}
    made = each_photo(catalogue.root, paths, framed, options, tell=tell, stage="thumbnails")
    return {path: one for path, one in zip(paths, made, strict=True) if not isinstance(one, PhotoRefused)}


def fitting(
    run: Run,
    catalogue: Catalogue,
    predictions: Predictions,
    seen: Seen,
    shown: Mapping[str, Sequence[Choice]],
    colour: Mapping[str, NDArray[np.uint8]],
    said: Sequence[str],
    tables: Sequence[Table],
    figures: Mapping[str, str],
    about: Mapping[str, str],
) -> str:
    """The page with pictures as large as its size allows; where the smallest are too many, with fewer under each heading."""
    title = f"Where {run.folder.resolve().name} looks"
    question = f"Maps of what decides, over {len(predictions):,} photos of {catalogue.root.name or catalogue.root}: can they be believed?"
    shares, most = probabilities(predictions), max((len(one.rows) for listed in shown.values() for one in listed), default=0)
    sizes = [(*size, most) for size in SIZES_PX] + [(*SIZES_PX[-1], most >> halved) for halved in range(1, most.bit_length())]
    html = ""
    for side_px, quality, few in sizes:
        gallery = {
            heading: [
                Row(one.heading, tuple(card(row, predictions, shares, seen, colour, side_px, quality) for row in one.rows[:few]), one.words)
                for one in listed
            ]
            for heading, listed in shown.items()
        }
        fewer = [f"No more than {few} photos stand under a heading, for a page of {MOST_BYTES / 1e6:.1f} MB."] if few < most else []
        html = explained_page(title, question, [*said, *fewer], tables, figures, gallery, about)
        if len(html.encode("utf-8", "surrogateescape")) < MOST_BYTES:
            break
    return html


def card(
    row: int,
    predictions: Predictions,
    shares: Floats,
    seen: Seen,
    colour: Mapping[str, NDArray[np.uint8]],
    side_px: int,
    quality: int,
) -> Card:
    """One photo with its maps; in a mistake also what spoke for the true class."""
    path, at = predictions.photos[row], seen.at(row)
    truth, called = (predictions.classes[codes[row]] for codes in (predictions.truth, predictions.called))
    photo = colour.get(path)
    tiles = []
    if photo is not None:
        photo = no_larger(photo, side_px)
        tiles.append(Tile("photo", as_jpeg(photo, quality)))
        for name, maps in seen.maps.items():
            if name == TRUTH and truth == called:
                continue
            heat, mask = maps[at], seen.masks[at] if sure(seen.masks[at]) else None
            of = truth if name == TRUTH else called
            words = NAMES[next(iter(seen.maps)) if name == TRUTH else name] + ("" if name == "attention" else f" for {of}")
            tiles.append(Tile(words, as_jpeg(overlay(photo, heat, mask), quality), on_product(heat, mask)))
    return Card(path, truth, called, float(shares[row, predictions.called[row]]), tuple(tiles))


def on_product(heat: Floats, mask: Mask | None) -> str:
    """What is read under a map."""
    if not heat.max() > 0:
        return "nothing speaks for it"
    if mask is None:
        return ""
    share = float(share_on(large(heat[None], len(mask)), mask[None])[0])
    return f"{100 * share:.0f} % on product, {share / mask.mean():.1f} ×"


def write_maps(folder: Path, predictions: Predictions, seen: Seen, shown: Mapping[str, Sequence[Choice]]) -> None:
    """The maps of the shown photos as grey PNG files as large as the network's pictures: maps/METHOD/PHOTO.png."""
    for name, maps in seen.maps.items():
        for row in sorted(rows_of(shown)):
            heat = large(maps[seen.at(row)][None], seen.masks.shape[-1])[0]
            write_bytes(folder / "maps" / name / f"{predictions.photos[row].replace('/', '__')}.png", as_png(heat))


def plain_of(
    run: Run,
    catalogue: Catalogue,
    predictions: Predictions,
    seen: Seen,
    checked: Checked,
    gates: Mapping[str, Gate],
    shown: Mapping[str, Sequence[Choice]],
    tables: Sequence[Table],
) -> dict[str, Any]:
    """All numbers as plain values."""
    lost, looks = losses(predictions), seen.looks
    means = {
        check_name: {name: rounded(values.mean(0)) for name, values in found.items()}
        for check_name, found in (("deletion", checked.deletion), ("insertion", checked.insertion))
    }
    per_photo = [
        {
            "photo": photo,
            "truth": looks.truth[place],
            "called": looks.called[place],
            "drawn": bool(looks.drawn[place]),
            "product_of_picture": number(looks.area[place]),
            "map_on_product": {name: number(values[place]) for name, values in looks.shares.items()},
        }
        for place, photo in enumerate(looks.photos)
    ]
    gallery = {
        heading: {one.heading: [{"photo": predictions.photos[row], "loss": number(lost[row])} for row in one.rows] for one in listed}
        for heading, listed in shown.items()
    }
    return {
        "run": {"folder": str(run.folder), "recipe": run.recipe.plain(), "data_hash": run.about.get("data", {}).get("hash", "")},
        "photos": {"root": str(catalogue.root), "count": len(predictions), "data_hash": data_hash(catalogue)},
        "classes": list(predictions.classes),
        "tables": [table.plain() for table in tables],
        "curves": means,
        "areas": {
            name: {of: plain_mean(area_under(curve)) for of, curve in found.items()}
            for name, found in (("deletion", checked.deletion), ("insertion", checked.insertion))
        },
        "randomised": {name: {layer: plain_mean(values) for layer, values in found.items()} for name, found in checked.cascade.items()},
        "gates": {name: {field: number(mean_of(values).value) for field, values in vars(gate).items()} for name, gate in gates.items()},
        "looked_at": per_photo,
        "shown": gallery,
    }


def plain_mean(values: Floats) -> dict[str, float | None]:
    """A mean with its interval and its photos; of no photos none."""
    return {name: value if np.isfinite(value) else None for name, value in vars(mean_of(values)).items()}


def rounded(values: Floats) -> list[float]:
    return [round(float(value), 6) for value in values]


def number(value: float) -> float | None:
    """A number for JSON: one that is not finite is none."""
    return round(float(value), 6) if np.isfinite(value) else None


def circumstances(
    run: Run, catalogue: Catalogue, methods: Sequence[str], seed: int, command: Sequence[str], seconds: float, device: str
) -> dict[str, str]:
    """What made the page."""
    return {
        "Run": run.folder.resolve().name,
        "Trained on": f"data hash {str(run.about.get('data', {}).get('hash', ''))[:16]}",
        "Photos": f"{len(catalogue):,} of {catalogue.root}",
        "Maps": ", ".join(NAMES[name] for name in methods),
        "Command": shlex.join(command) or "modiste.explain",
        "Date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "Time": f"{seconds:.0f} s",
        "Seed": str(seed),
        "Versions": f"modiste {__version__}, Python {platform.python_version()}",
        "Machine": f"{platform.system()} {platform.machine()}, device {device_of(device)}",
    }
