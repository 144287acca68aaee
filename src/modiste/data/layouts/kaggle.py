"""Fashion Product Images from Kaggle: styles.csv, and images/<id>.jpg."""

from __future__ import annotations

from functools import partial

from modiste.data.layouts.cells import BadCell, catalogue_of, shop_details, suggested
from modiste.data.layouts.declared import read_classes
from modiste.data.layouts.rows import Row, cells_of, decoded, encodable
from modiste.data.opening.stores import Store
from modiste.data.suggest import Taxonomy
from modiste.data.taxonomy import read_taxonomy
from modiste.records.catalogue import Catalogue, Photo
from modiste.records.errors import ModisteError
from modiste.records.labels import Classes

FILE = "styles.csv"
COLUMNS = ("id", "gender", "masterCategory", "subCategory", "articleType", "baseColour", "season", "year", "usage", "productDisplayName")
SHOWN = 5  # ids that a note names


def read_kaggle(store: Store, classes: Classes | None, taxonomy: Taxonomy | None) -> Catalogue:
    """A photo for each product that has a picture, with a class suggested by its type and no label."""
    if not is_kaggle(store):
        raise ModisteError(f"{store.where}: no {FILE} there that begins with {','.join(COLUMNS[:5])} ...")
    rows, mended = styles(store)
    read = [row for row in rows if row.cells["wrong"] or store.has(picture(row))]
    if not read:
        raise ModisteError(f"{store.where}: none of its {len(rows):,} products has its picture. Put the folder images/ beside {FILE}.")
    without = [row.cell("id") for row in rows if not row.cells["wrong"] and not store.has(picture(row))]
    taxonomy = taxonomy or read_taxonomy(None)
    classes = classes or read_classes(store) or taxonomy.classes
    notes = [
        *told(mended, "names with bare commas that were mended"),
        *told(without, "products passed over, as their picture is not there"),
    ]
    return catalogue_of(store, FILE, read, classes, partial(photo_of, classes=classes, taxonomy=taxonomy), notes)


def is_kaggle(store: Store) -> bool:
    """Whether styles.csv stands there with the columns it is known for."""
    if store.chosen not in ("", FILE) or not store.has(FILE):
        return False
    return store.beginning(FILE).removeprefix(b"\xef\xbb\xbf").startswith(",".join(COLUMNS[:5]).encode())


def styles(store: Store) -> tuple[list[Row], list[str]]:
    """The rows of styles.csv, and the ids of those whose product name held commas without quotation marks."""
    header, *lines = decoded(store.read(FILE), store.root / FILE).replace("\r\n", "\n").split("\n")
    names = cells_of(header)
    rows, mended = [], []
    for number, line in enumerate(lines, 1):
        cells = cells_of(line)  # a line at a time: a quotation mark that is never closed spoils one row only
        if len(cells) > len(names):
            mended.append(cells[0])
            cells = [*cells[: len(names) - 1], ",".join(cells[len(names) - 1 :])]
        if cells:
            details = {name: cell for name, cell in zip(names[1:], cells[1:], strict=False) if cell}
            rows.append(Row(FILE, number, {"id": cells[0], "wrong": wrong_with(cells, names)}, details))
    return rows, mended


def wrong_with(cells: list[str], names: list[str]) -> str:
    """What spoils a row, or ''."""
    if not cells[0].strip().isdecimal():
        return "is no id. An id is a number, and its picture images/<id>.jpg."
    if len(cells) < len(names):
        return f"has {len(cells)} cells, the header has {len(names)}. Mend the row."
    return "" if all(map(encodable, cells)) else "is not UTF-8. Save the file as 'CSV UTF-8'."


def photo_of(row: Row, classes: Classes, taxonomy: Taxonomy) -> Photo:
    if row.cells["wrong"]:
        raise BadCell(row.cells["id"], row.cells["wrong"])
    details = shop_details(row.details)
    return Photo(picture(row), None, suggested(taxonomy, details, classes), row.cell("id"), details=details)


def picture(row: Row) -> str:
    return f"images/{row.cell('id')}.jpg"


def told(ids: list[str], what: str) -> list[str]:
    """A note that counts ids and names the first few of them."""
    few = ", ".join(ids[:SHOWN]) + (" ..." if len(ids) > SHOWN else "")
    return [f"{what}: {len(ids):,} (ids {few})."] if ids else []
