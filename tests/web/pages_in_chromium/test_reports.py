"""Reports in a browser: however many models there are, nothing makes a page scroll sideways."""

import numpy as np
import pytest

from modiste.evaluation.mistakes import said
from modiste.evaluation.pages.hard_photos import hard_photos
from modiste.evaluation.pages.page import Section, page, titled
from modiste.evaluation.pages.photos_on_page import album
from modiste.records.labels import PAPER_CLASSES
from modiste.records.predictions import Predictions


def guesses(seed):
    chance, photos = np.random.default_rng(seed), 60
    scores = chance.normal(size=(photos, len(PAPER_CLASSES)))
    return Predictions(PAPER_CLASSES.names, tuple(f"{n}.jpg" for n in range(photos)), np.arange(photos) % len(PAPER_CLASSES), scores)


@pytest.mark.parametrize("width", [390, 1280])
def test_photos_that_many_models_called_many_things_fit_their_page(chromium, tmp_path, width):
    answers = said({f"A network with a name, {seed}": [guesses(seed)] for seed in range(13)})
    parts = [titled("hard", number, *part) for number, part in enumerate(hard_photos(answers, album({}, answers.photos)))]
    (tmp_path / "report.html").write_text(page("Study", "Which?", [Section("hard", "Hard photos", parts)]))
    context = chromium.new_context(viewport={"width": width, "height": 800})
    sheet = context.new_page()
    sheet.goto((tmp_path / "report.html").as_uri())
    assert sheet.locator(".cards li").count() >= 10
    assert sheet.evaluate("() => document.documentElement.scrollWidth") <= width
    context.close()
