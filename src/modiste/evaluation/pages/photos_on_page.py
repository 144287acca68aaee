"""Photos on a page: each small picture stands in the page once, however many places show it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os.path import commonpath

from modiste.evaluation.mistakes import Said
from modiste.records.table import html_text


@dataclass(frozen=True)
class Album:
    """The photos a page may show: a number for each that has a picture, and the folder they all lie in, which no name repeats."""

    pictures: Mapping[str, bytes]  # path -> JPEG
    numbers: Mapping[str, int]
    folder: str

    def style(self) -> str:
        """A rule of the style sheet for each picture: the one place where its bytes stand."""
        return "\n".join(
            f".p{self.numbers[photo]}{{background-image:url(data:image/jpeg;base64,{b64encode(picture).decode()})}}"
            for photo, picture in self.pictures.items()
        )

    def shot(self, photo: str) -> str:
        """A photo's picture, or a box in its place."""
        if photo not in self.pictures:
            return '<span class="shot gone">no picture</span>'
        return f'<span class="shot p{self.numbers[photo]}" role="img" aria-label="{html_text(self.name(photo))}"></span>'

    def name(self, photo: str) -> str:
        return photo[len(self.folder) :]


def album(pictures: Mapping[str, bytes], photos: Sequence[str]) -> Album:
    """An album of the pictures there are of some photos.

    >>> album({"shop/1.jpg": b""}, ["shop/1.jpg", "shop/2.jpg"]).name("shop/2.jpg")
    '2.jpg'
    """
    shown = [photo for photo in photos if photo in pictures]
    return Album({photo: pictures[photo] for photo in shown}, {photo: number for number, photo in enumerate(shown)}, folder_of(photos))


def folder_of(photos: Sequence[str]) -> str:
    """The folder that all photos lie in, with its last slash; '' where they lie in several.

    >>> folder_of(["a/b/1.jpg", "a/b/2.jpg"]), folder_of(["a/1.jpg", "b/1.jpg"]), folder_of([])
    ('a/b/', '', '')
    """
    folders = {photo.rpartition("/")[0] for photo in photos}
    shared = commonpath(folders) if folders and not any(folder.startswith("/") for folder in folders) else ""
    return f"{shared}/" if shared else ""


def tiles(cards: Iterable[str], kind: str = "tiles") -> str:
    """Photos side by side, as many as fit."""
    return f'<ul class="{kind}">\n' + "\n".join(f"<li>{card}</li>" for card in cards) + "\n</ul>"


def tile(answers: Said, place: int, model: int, pictured: Album, margins: bool) -> str:
    """A photo as one model saw it: its name, the score of the class it was called, its loss."""
    called = int(answers.called[model, place])
    score = answers.scores[model, place, called] if margins else answers.shares[model, place, called]
    photo = answers.photos[place]
    numbers = f"{'margin' if margins else 'p'}&nbsp;{score:.2f} · loss&nbsp;{answers.losses[model, place]:.2f}"
    return f'{pictured.shot(photo)}<b>{html_text(pictured.name(photo))}</b><span class="quiet">{numbers}</span>'


def card(answers: Said, place: int, pictured: Album) -> str:
    """A photo as all models saw it: what it is, what they called it, and behind a fold each one's word."""
    photo, truth = answers.photos[place], answers.classes[answers.truth[place]]
    votes: dict[str, int] = {}
    for code in answers.called[:, place]:
        votes[answers.classes[code]] = votes.get(answers.classes[code], 0) + 1
    counted = sorted(votes.items(), key=lambda vote: -vote[1])
    many = len(answers.models) > 1
    called = ", ".join(f"{html_text(name)}{f'&nbsp;×{count}' if many else ''}" for name, count in counted)
    each = "".join(
        f"<dt>{html_text(model)}</dt><dd class='{'right' if answers.right[row, place] else 'wrong'}'>"
        f"{html_text(answers.classes[answers.called[row, place]])} · {answers.losses[row, place]:.2f}</dd>"
        for row, model in enumerate(answers.models)
    )
    fold = f"<details><summary>each model, with its loss</summary><dl>{each}</dl></details>" if many else ""
    return (
        f"{pictured.shot(photo)}<b>{html_text(pictured.name(photo))}</b>"
        f'<span>{html_text(truth)} <span class="to">→&nbsp;{called}</span></span>{fold}'
    )
