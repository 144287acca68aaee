"""FiftyOne's exports: data/ with labels.json, and metadata.json with samples.json."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from modiste.data.layouts.cells import BadCell, inside, missing
from modiste.data.layouts.declared import read_classes
from modiste.data.layouts.entries import classes_of, code_of_class, declared_in, head, photos_of, read_json, text_of
from modiste.data.layouts.names import SOURCES, SPLITS, is_picture, source_of, told_by_names
from modiste.data.opening.stores import Store
from modiste.data.suggest import Taxonomy
from modiste.records.catalogue import Catalogue, Photo, Suggestion
from modiste.records.errors import ModisteError
from modiste.records.labels import Classes

TRUTH = "ground_truth"  # the field that holds the label, unless there is only one field with labels
SAMPLE_FIELDS = ("filepath", "tags", "metadata", "media_type", "id", "created_at", "last_modified_at")  # no columns of the user's


def read_fiftyone(store: Store, classes: Classes | None, taxonomy: Taxonomy | None) -> Catalogue:
    """The catalogue of FiftyOneImageClassificationDataset or FiftyOneDataset; a class as a folder is read by `folders`."""
    file = export_file(store)
    if file is None:
        raise ModisteError(f"{store.where}: neither data/ with labels.json nor metadata.json with samples.json there.")
    plain = read_json(store, file)
    key, read = EXPORTS[file]
    if not isinstance(plain, dict) or not isinstance(plain.get(key), (dict if key == "labels" else list)):
        raise ModisteError(f"{store.root / file}: must hold '{key}' as FiftyOne writes it. Export again.")
    return read(store, plain, classes, taxonomy)


def export_file(store: Store) -> str | None:
    """samples.json or labels.json, where it begins as FiftyOne's do."""
    for file, (key, _) in EXPORTS.items():
        if store.chosen in ("", file) and store.has(file) and f'"{key}"'.encode() in head(store, file) and head(store, file)[:1] == b"{":
            return file
    return None


def read_labels(store: Store, plain: Mapping[str, Any], classes: Classes | None, taxonomy: Taxonomy | None) -> Catalogue:
    """labels.json: for each picture under data/, by its name without the ending, a class as a name or as a place in 'classes'."""
    where = store.root / "labels.json"
    listed = plain.get("classes") or []
    own = declared_in(listed, where)
    pictures = by_stem(store)
    targets: dict[str, Any] = plain["labels"]
    names = [name for target in targets.values() if isinstance(name := label_in(target), str)]
    known = classes or read_classes(store) or own or classes_of(names, None, taxonomy, store)

    def photo_of(entry: tuple[str, Any]) -> Photo:
        name, target = entry
        path = picture_of(name, pictures, store)
        label = label_in(target)
        if isinstance(label, (list, bool)):
            raise BadCell(text_of(label)[:80], "are several labels or none; a photo has one class.")
        if isinstance(label, int):
            label = name_at(label, listed)
        source = source_of(path)
        code = None if label is None else code_of_class(text_of(label), known)
        return Photo(path, code, source=source, split=SOURCES.get(source, ""), details=details_in(target))

    photos = photos_of(enumerate(targets.items(), 1), photo_of, store, "labels.json")
    left = sum(len(paths) for paths in pictures.values()) - len(photos)
    beside = (f"{left:,} pictures under data/ are not in labels.json.",) if left else ()
    return Catalogue(store.root, known, photos, (*beside, *told_by_names(sum(photo.split != "" for photo in photos))))


def by_stem(store: Store) -> dict[str, list[str]]:
    """The pictures under data/ by their path in it, without the ending."""
    found: dict[str, list[str]] = {}
    for path in store.below("data"):
        if is_picture(path):
            found.setdefault(str(PurePosixPath(path.removeprefix("data/")).with_suffix("")), []).append(path)
    return found


def picture_of(name: str, pictures: Mapping[str, list[str]], store: Store) -> str:
    """The picture that a key of labels.json stands for; a key may have its ending."""
    inside(name)
    if store.has(f"data/{name}"):
        return f"data/{name}"
    paths = pictures.get(name, [])
    if len(paths) > 1:
        raise BadCell(name, f"stands for {' and '.join(paths)}. Rename one of them, and its entry.")
    if not paths:
        raise BadCell(*missing(f"data/{name}", store))
    return paths[0]


def label_in(target: Any) -> Any:
    return target.get("label") if isinstance(target, dict) else target


def details_in(target: Any) -> dict[str, str]:
    """A label's confidence and attributes, as they were written."""
    if not isinstance(target, dict):
        return {}
    attributes = target.get("attributes")
    fields = {"confidence": target.get("confidence")} | (attributes if isinstance(attributes, dict) else {})
    return {key: text for key, value in fields.items() if (text := text_of(value))}


def name_at(place: int, listed: list[str]) -> str:
    if not 0 <= place < len(listed):
        raise BadCell(str(place), f"is no place in 'classes', which has {len(listed)} names, the first at 0.")
    return listed[place]


def read_samples(store: Store, plain: Mapping[str, Any], classes: Classes | None, taxonomy: Taxonomy | None) -> Catalogue:
    """samples.json: the label in ground_truth, other classifications as suggestions by their field; tags that name a split are one."""
    samples: list[Any] = plain["samples"]
    fields = label_fields(samples)
    truth = truth_of(fields, store)
    names = [sample[field]["label"] for sample in samples for field in fields if classification(sample, field)]
    known = classes or read_classes(store) or own_classes(store, truth) or classes_of(map(text_of, names), None, taxonomy, store)

    def photo_of(sample: Any) -> Photo:
        if not isinstance(sample, dict) or not isinstance(sample.get("filepath"), str):
            raise BadCell(text_of(sample)[:80], "is no sample: it must be an object with 'filepath'.")
        path = sample_path(sample["filepath"], store)
        true = classification(sample, truth)
        label = code_of_class(text_of(true["label"]), known) if true else None
        guessed = next(((field, guess) for field in fields if field != truth and (guess := classification(sample, field))), None)
        suggestion = Suggestion(code_of_class(text_of(guessed[1]["label"]), known), guessed[0]) if guessed else None
        tags = tags_of(sample)
        source = text_of(sample.get("source")) or source_of(path)
        split = split_tagged(tags) or SOURCES.get(source.upper(), "")
        details = sample_details(sample, tags) | details_in(true)
        return Photo(path, label, suggestion, text_of(sample.get("product")), source, split, details)

    photos = photos_of(enumerate(samples, 1), photo_of, store, "samples.json")
    told = [bool(text_of(sample.get("source")) or split_tagged(tags_of(sample))) for sample in samples]
    by_name = sum(photo.split != "" and not said for photo, said in zip(photos, told, strict=True))
    return Catalogue(store.root, known, photos, (*other_labels(samples), *told_by_names(by_name)))


def tags_of(sample: Mapping[str, Any]) -> list[str]:
    return [text_of(tag) for tag in sample["tags"]] if isinstance(sample.get("tags"), list) else []


def other_labels(samples: list[Any]) -> tuple[str, ...]:
    """The fields with labels of other kinds, in words."""
    kinds = {
        f"{field} ({value['_cls']})"
        for sample in samples
        if isinstance(sample, dict)
        for field, value in sample.items()
        if isinstance(value, dict) and value.get("_cls", "Classification") not in ("Classification", "ImageMetadata")
    }
    return (f"fields passed over, as they are not one class a photo: {', '.join(sorted(kinds))}.",) if kinds else ()


def label_fields(samples: list[Any]) -> list[str]:
    """The fields that hold a classification, the label's before the models'."""
    found = {field for sample in samples if isinstance(sample, dict) for field in sample if classification(sample, field)}
    return sorted(found, key=lambda field: (field != TRUTH, field))


def classification(sample: Any, field: str) -> dict[str, Any] | None:
    """A sample's classification in a field, when it has one there."""
    value = sample.get(field) if isinstance(sample, dict) else None
    return value if isinstance(value, dict) and value.get("_cls") == "Classification" and value.get("label") is not None else None


def truth_of(fields: list[str], store: Store) -> str:
    """The field that holds the label."""
    if len(fields) > 1 and TRUTH not in fields:
        raise ModisteError(f"{store.root / 'samples.json'}: labels stand in {', '.join(fields)}. Export with the true one called {TRUTH}.")
    return fields[0] if len(fields) == 1 else TRUTH


def own_classes(store: Store, truth: str) -> Classes | None:
    """The classes that metadata.json declares for the label's field, or for all."""
    if not store.has("metadata.json"):
        return None
    plain = read_json(store, "metadata.json")
    by_field = plain.get("classes") if isinstance(plain, dict) else None
    listed = by_field.get(truth) if isinstance(by_field, dict) else None
    return declared_in(listed or (plain.get("default_classes") if isinstance(plain, dict) else None), store.root / "metadata.json")


def sample_path(filepath: str, store: Store) -> str:
    inside(filepath)
    path = PurePosixPath(filepath).as_posix()
    if not store.has(path):
        raise BadCell(*missing(filepath, store))
    return path


def split_tagged(tags: list[str]) -> str:
    """The split that the tags name; two different ones are wrong."""
    found = list(dict.fromkeys(SPLITS[tag.casefold()] for tag in tags if SPLITS.get(tag.casefold())))
    if len(found) > 1:
        raise BadCell(", ".join(tags), "name two splits. Keep one of them.")
    return found[0] if found else ""


def sample_details(sample: Mapping[str, Any], tags: list[str]) -> dict[str, str]:
    """A sample's own columns as text, and its tags that are no split."""
    own = {
        key: text_of(value)
        for key, value in sample.items()
        if key[0] != "_" and key not in (*SAMPLE_FIELDS, "source", "product") and isinstance(value, (str, int, float))
    }
    own["tags"] = ", ".join(tag for tag in tags if not SPLITS.get(tag.casefold()))
    return {key: text for key, text in own.items() if text}


Read = Callable[[Store, Mapping[str, Any], Classes | None, Taxonomy | None], Catalogue]
EXPORTS: dict[str, tuple[str, Read]] = {  # file -> what must stand in it, and what reads it
    "samples.json": ("samples", read_samples),
    "labels.json": ("labels", read_labels),
}
