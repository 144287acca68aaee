"""What is said is said of the photo that was shown: not of one before it, nor of other bytes; and every photo comes to be shown."""

import hashlib
import time
from pathlib import Path

import pytest

MANY = 230  # photos: more than come to a page at once, and than a server is told not to give again
LATE_SECONDS = 1
SHOWN = "#about > .name"


def late(route):
    time.sleep(LATE_SECONDS)
    route.continue_()


def shown(page):
    return page.locator(SHOWN).text_content()


def of(folder, many):
    import shops

    from modiste.projects.project import project_at

    return project_at(shops.shop(folder / "shop", many), model=shops.network(folder / "colours.onnx"))


@pytest.fixture(scope="module")
def many(chromium, serving, tmp_path_factory):
    with serving(of(tmp_path_factory.mktemp("many"), MANY)) as app:
        yield app


@pytest.fixture
def few(chromium, serving, tmp_path):
    with serving(of(tmp_path, 12)) as app:
        yield app


def test_photos_that_were_passed_over_come_round_again(many, window):
    opened = window(many)
    page = opened.go("/annotate", SHOWN)
    names = [shown(page)]
    while names[0] not in names[1:]:
        page.keyboard.press("ArrowRight")
        page.wait_for_function(
            "before => !document.querySelector('#annotate').hidden && document.querySelector('#about > .name').textContent !== before",
            arg=names[-1],
        )
        names.append(shown(page))
        assert len(names) <= MANY + 1
    assert len(set(names)) == len(names) - 1 > 200
    assert not opened.wrong


def test_after_a_jump_no_key_speaks_until_the_photo_is_there(many, window):
    opened = window(many)
    page = opened.go("/look", ".one img")
    page.locator("#wall").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".one[aria-selected=true]").count() == 1
    page.route("**/api/photos?*offset=200*", late)
    page.keyboard.press("End")
    page.keyboard.press("3")
    page.wait_for_selector(".one.here[aria-selected=true]")
    last = page.locator(".one.here").get_attribute("title")
    assert page.locator(".one[aria-selected=true]").count() == 1
    page.keyboard.press("2")
    opened.saved(1)
    assert [(one["photo"], one["label"]) for one in many.decisions()] == [(last, "Green")]
    assert last == sorted(one["name"] for one in many.ask("/api/photos?limit=1000")["photos"])[-1]


def test_a_photo_that_is_replaced_while_it_is_shown_is_shown_anew(few, window, tmp_path):
    import shops

    opened = window(few)
    page = opened.go("/annotate", SHOWN)
    first = shown(page)
    data = shops.png("Blue", 900)
    (tmp_path / "shop" / first).write_bytes(data)
    few.ask("/api/look", {})
    few.looked()
    page.keyboard.press("1")
    page.wait_for_selector(".said-so.wrong >> text=was replaced while it was shown")
    second = shown(page)
    assert second != first
    page.wait_for_function("name => document.querySelector('#strip [aria-current] + button')?.title === name", arg=first)
    page.keyboard.press("2")
    page.wait_for_function("name => document.querySelector('#about > .name').textContent === name", arg=first)
    page.keyboard.press("3")
    opened.saved(2)
    assert [(one["photo"], one["label"]) for one in few.decisions()] == [(second, "Green"), (first, "Blue")]
    assert few.decisions()[1]["sha256"] == hashlib.sha256(data).hexdigest()


def test_one_photo_that_was_replaced_costs_the_others_of_its_page_nothing(app, window, tmp_path):
    import shops

    opened = window(app)
    page = opened.go("/grid?label=Blue", ".tile")
    there = page.eval_on_selector_all(".tile", "all => all.map(tile => tile.title)")
    source = Path(app.ask("/api/state")["project"]["source"])
    before = (source / there[3]).read_bytes()
    try:
        (source / there[3]).write_bytes(shops.png("Blue", 900))
        app.ask("/api/look", {})
        app.looked()
        page.keyboard.press("Enter")
        page.wait_for_selector(".said-so.wrong >> text=was replaced while it was shown")
        opened.saved(len(there) - 1)
    finally:
        (source / there[3]).write_bytes(before)
    assert sorted(one["photo"] for one in app.decisions()) == sorted(set(there) - {there[3]})
    assert len({one["batch"] for one in app.decisions()}) == 1


def test_a_photo_that_is_still_to_come_holds_up_no_other_and_its_last_word_is_the_last(app, window):
    opened = window(app)
    late, sent = [], []

    def not_yet(route):
        asked = route.request.post_data_json
        sent.append([one["photo"] for one in asked["decisions"]])
        late[:] = late or [asked["decisions"][0]["photo"]]
        now = [one for one in asked["decisions"] if one["photo"] not in late]
        left = [{"id": one["id"], "error": "it is still to come.", "reason": "not_yet"} for one in asked["decisions"] if one not in now]
        none = {"saved": [], "counts": app.ask("/api/state")["counts"], "pace": None, "version": 0}
        answer = app.ask("/api/decisions", {**asked, "decisions": now}) if now else none
        route.fulfill(json={**answer, "left": left})

    opened.page.route("**/api/decisions", not_yet)
    page = opened.go("/annotate", SHOWN)
    first = shown(page)
    page.keyboard.press("1")
    page.wait_for_function("() => document.querySelector('#kept-words').textContent === '1 not saved, trying again'")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("2")
    page.keyboard.press("3")
    page.wait_for_function("() => document.querySelector('#kept-words').textContent.startsWith('2 not saved')")
    (second,) = (one["photo"] for one in app.decisions())
    assert second != first
    page.unroute("**/api/decisions")
    opened.saved(3)
    assert [(one["photo"], one["label"]) for one in app.decisions()] == [(second, "Blue"), (first, "Red"), (first, "Green")]
    assert len(sent) < 12  # it is not asked about without end
    assert not opened.wrong


def test_what_is_taken_back_in_the_grid_tells_no_guess_of_the_honest_sample(app, window):
    photos = [app.ask(f"/api/photo/{one['id']}") for one in app.ask("/api/photos?limit=1000")["photos"] if one["sample"]]
    one = next(photo for photo in photos if photo["label"] == "Blue")
    app.ask("/api/decisions", {"decisions": [{"id": "one", "photo": one["id"], "kind": "label", "label": "Red", "how": "single"}]})
    opened = window(app)
    page = opened.go("/grid?label=Blue", ".tile")
    page.keyboard.press("z")
    app.until(lambda now: now["counts"]["labelled"] == 0)
    page.wait_for_timeout(500)
    assert one["name"] not in page.eval_on_selector_all(".tile", "all => all.map(tile => tile.title)")
    page.keyboard.press("Enter")
    app.until(lambda now: now["counts"]["labelled"] > 0)
    assert one["name"] not in [said["photo"] for said in app.decisions()[2:]]
