"""Label Studio's exports, JSON and JSON-MIN: tasks that name a picture, and the choices annotators and models made for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from modiste.data.layouts.addresses import path_of, tails
from modiste.data.layouts.cells import BadCell
from modiste.data.layouts.entries import classes_of, code_of_class, head, photos_of, read_json, source_and_split, text_of
from modiste.data.layouts.names import is_picture, told_by_names
from modiste.data.opening.stores import Store, is_visible
from modiste.data.suggest import Taxonomy
from modiste.records.catalogue import Catalogue, Photo, Suggestion
from modiste.records.errors import ModisteError
from modiste.records.labels import Classes

MARKS = (b'"annotations"', b'"annotation_id"', b'"predictions"', b'"completions"')  # one of these stands in every export
QUESTIONS = ("label", "choice", "choices", "class", "category")  # what the question for the class is probably called
PICTURE_KEYS = ("image", "img", "photo", "picture")
OURS = ("product", "source", "split", "details")  # what the writer puts beside the picture


@dataclass(frozen=True)
class Answer:
    """What one annotator or model chose for one question."""

    question: str
    choices: tuple[str, ...]
    by: str = ""
    final: bool = False  # marked as ground truth


@dataclass(frozen=True)
class Task:
    """One picture with all that was said of it, whichever of the two formats it came in."""

    data: Mapping[str, Any]
    answers: tuple[Answer, ...] = ()
    guesses: tuple[Answer, ...] = ()
    cancelled: int = 0
    others: int = 0  # results that are no choices: boxes, texts ...
    wrong: str = field(default="", compare=False)  # what keeps it from being a task


def read_label_studio(store: Store, classes: Classes | None, taxonomy: Taxonomy | None) -> Catalogue:
    """The catalogue of an export: annotations are labels, predictions are suggestions; annotators who disagree are listed.

    Pictures are looked for by path, then by file name; no address is contacted.
    """
    file = task_file(store)
    entries = read_json(store, file)
    if not isinstance(entries, list):
        raise ModisteError(
            f"{store.root / file}: must hold a list of tasks; it holds a {type(entries).__name__}. Export as JSON or JSON-MIN."
        )
    tasks = merged(entries)
    said = [answer for _, task in tasks for answer in (*task.answers, *task.guesses)]
    question = question_of(said, classes, store.root / file)
    names = [name for answer in said if answer.question == question for name in answer.choices]
    known = classes_of(names, classes, taxonomy, store)
    photos = photos_of(tasks, lambda task: photo_of(task, question, known, store), store, file)
    by_name = sum(not {"split", "source"} & task.data.keys() and photo.split != "" for (_, task), photo in zip(tasks, photos, strict=True))
    return Catalogue(store.root, known, photos, (*notes([task for _, task in tasks]), *told_by_names(by_name)))


def task_file(store: Store) -> str:
    files = [store.chosen] if store.chosen else task_files(store)
    if len(files) > 1:
        raise ModisteError(f"{store.where} has {' and '.join(files)}. Give the one to read.")
    if not files:
        raise ModisteError(f"{store.where}: no JSON file with Label Studio's tasks. Export as JSON or JSON-MIN.")
    return files[0]


def task_files(store: Store) -> list[str]:
    """The JSON files of a store that hold a list of tasks, by how they begin."""
    files = [store.chosen] if store.chosen else [name for name in store.names() if is_visible(name)]
    return [file for file in files if file.lower().endswith(".json") and holds_tasks(head(store, file))]


def holds_tasks(beginning: bytes) -> bool:
    return beginning.startswith(b"[") and any(mark in beginning for mark in MARKS)


def merged(entries: Iterable[Any]) -> list[tuple[int, Task]]:
    """Each task under its first entry's number: JSON-MIN has an entry for each annotation, which share the task's id."""
    tasks: dict[Any, tuple[int, Task]] = {}
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict) or not isinstance(entry.get("data", {}), dict):
            tasks["", number] = number, Task({}, wrong=text_of(entry)[:80])
        elif "data" in entry:
            tasks["", number] = number, full_task(entry)
        else:
            key = ("min", text_of(entry["id"])) if "id" in entry else ("", number)
            first, known = tasks.get(key, (number, Task({})))
            task = min_task(entry)
            tasks[key] = first, replace(task, answers=(*known.answers, *task.answers))
    return list(tasks.values())


def full_task(entry: Mapping[str, Any]) -> Task:
    """A task of the JSON export; annotations that were skipped do not count."""
    annotations = dicts(entry.get("annotations", entry.get("completions")))
    kept = [annotation for annotation in annotations if not annotation.get("was_cancelled")]
    answers = [answer for annotation in kept for answer in answers_in(annotation, "")]
    predictions = dicts(entry.get("predictions"))
    guesses = [answer for prediction in predictions for answer in answers_in(prediction, text_of(prediction.get("model_version")))]
    results = sum(len(dicts(annotation.get("result"))) for annotation in kept)
    return Task(entry["data"], tuple(answers), tuple(guesses), len(annotations) - len(kept), results - len(answers))


def dicts(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; some exports name predictions by number alone."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def answers_in(annotation: Mapping[str, Any], by: str) -> Iterator[Answer]:
    """The choices in an annotation or a prediction."""
    for result in dicts(annotation.get("result")):
        value = result.get("value")
        if isinstance(value, dict) and isinstance(value.get("choices"), list):
            choices = tuple(map(text_of, value["choices"]))
            yield Answer(text_of(result.get("from_name")), choices, by, bool(annotation.get("ground_truth")))


def min_task(entry: Mapping[str, Any]) -> Task:
    """An entry of JSON-MIN: the data, then the id, then the answers by question, then who annotated it and when.

    Where the data has a column 'id' of its own, the id stands there and the answers are told by their question's name.
    """
    keys = list(entry)
    end = next((keys.index(key) for key in ("annotator", "annotation_id") if key in keys), len(keys))
    start = keys.index("id") if "id" in keys else end
    asked = keys[start + 1 : end]
    if any(key in PICTURE_KEYS for key in asked):
        asked = [key for key in asked if key in QUESTIONS]
    answers = [Answer(key, chosen) for key in asked if (chosen := choices_of(entry[key]))]
    data = {key: entry[key] for key in keys[:end] if key not in asked and key != "id"}
    return Task(data, tuple(answers), others=len(asked) - len(answers))


def choices_of(value: Any) -> tuple[str, ...]:
    """One choice is written as a word, several as {"choices": [...]}; anything else is no choice."""
    if isinstance(value, dict):
        value = value.get("choices")
        return tuple(map(text_of, value)) if isinstance(value, list) else ()
    return (value,) if isinstance(value, str) and value else ()


def question_of(said: Iterable[Answer], classes: Classes | None, where: object) -> str:
    """The question whose choices are the class: the only one, the one with the declared classes, or the one called so."""
    choices: dict[str, set[str]] = {}
    for answer in said:
        choices.setdefault(answer.question, set()).update(answer.choices)
    ways: list[list[str]] = [
        list(choices),
        [name for name, chosen in choices.items() if classes and all(classes.find(choice) is not None for choice in chosen)],
        [name for name in QUESTIONS if name in choices][:1],
    ]
    if not choices:
        return ""
    found = next((names[0] for names in ways if len(names) == 1), None)
    if found is None:
        asked = ", ".join(f"'{name}' ({', '.join(sorted(chosen)[:4])})" for name, chosen in choices.items())
        raise ModisteError(
            f"{where}: its annotations answer several questions: {asked}. Declare the classes of the one to read with --classes."
        )
    return found


def photo_of(task: Task, question: str, classes: Classes, store: Store) -> Photo:
    if task.wrong:
        raise BadCell(task.wrong, "is no task: it must be an object with 'data'.")
    key = picture_key(task.data)
    path = path_of(text_of(task.data[key]), store)
    source, split = source_and_split(task.data, path)
    label = label_of([answer for answer in task.answers if answer.question == question], classes)
    guesses = [answer for answer in task.guesses if answer.question == question]
    return Photo(path, label, suggestion_of(guesses, classes), text_of(task.data.get("product")), source, split, details_of(task.data, key))


def label_of(answers: list[Answer], classes: Classes) -> int | None:
    """The class all annotators chose; where one annotation is marked as ground truth, that one decides."""
    answers = [answer for answer in answers if answer.final] or answers
    names = list(dict.fromkeys(" and ".join(answer.choices) for answer in answers))
    if len(names) > 1:
        raise BadCell(", ".join(names), "were chosen by annotators who disagree. Mark one annotation as ground truth, or skip the others.")
    if any(len(answer.choices) > 1 for answer in answers):
        raise BadCell(names[0], "were chosen together; a photo has one class. Keep one.")
    return code_of_class(names[0], classes) if names and names[0] else None


def suggestion_of(guesses: list[Answer], classes: Classes) -> Suggestion | None:
    """The newest prediction, which stands last."""
    if not guesses or len(guesses[-1].choices) != 1:
        return None
    return Suggestion(code_of_class(guesses[-1].choices[0], classes), guesses[-1].by)


def picture_key(data: Mapping[str, Any]) -> str:
    """Which of a task's fields names the picture."""
    known = [key for key in PICTURE_KEYS if isinstance(data.get(key), str)]
    found = known or [key for key, value in data.items() if isinstance(value, str) and any(map(is_picture, tails(value)))]
    if not found:
        raise BadCell(text_of(dict(data))[:80], f"names no picture. Its data must have one of {', '.join(PICTURE_KEYS)}.")
    return found[0]


def details_of(data: Mapping[str, Any], picture: str) -> dict[str, str]:
    """The other fields of a task, those that the writer keeps together unpacked."""
    packed = data.get("details")
    fields = {key: value for key, value in data.items() if key not in (picture, *OURS)}
    fields |= packed if isinstance(packed, dict) else {"details": packed}
    return {key: text for key, value in fields.items() if (text := text_of(value))}


def notes(tasks: Iterable[Task]) -> tuple[str, ...]:
    """What was left aside, in words."""
    tasks = list(tasks)
    cancelled, others = sum(task.cancelled for task in tasks), sum(task.others for task in tasks)
    said = [f"skipped annotations passed over: {cancelled:,}."] if cancelled else []
    return (*said, *([f"results passed over, as they are no choices: {others:,}."] if others else []))
