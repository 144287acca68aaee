"""Keys speak of the photo that is before one's eyes, however fast they are pressed and whatever is on its way."""

import time

SHOWN = "#about .name"
LATE_SECONDS = 0.6


def shown(page):
    return page.locator(SHOWN).text_content()


def late(route):
    """A server that takes its time."""
    answer = route.fetch()
    time.sleep(LATE_SECONDS)
    route.fulfill(response=answer)


def late_to_ask(route):
    time.sleep(LATE_SECONDS)
    route.continue_()


def test_what_is_pressed_while_something_is_taken_back_is_said_of_the_photo_that_comes_back(app, window):
    opened = window(app)
    page = opened.go("/annotate", SHOWN)
    first = shown(page)
    page.keyboard.press("1")
    opened.saved(1)
    page.route("**/api/undo", late_to_ask)
    page.keyboard.press("z")
    page.keyboard.press("2")
    opened.saved(2)
    page.wait_for_function("name => document.querySelector('#about .name').textContent !== name", arg=first)
    made = [(one["photo"], one["label"]) for one in app.decisions() if "photo" in one]
    assert made == [(first, "Red"), (first, "Green")]
    assert app.ask("/api/state")["counts"]["labelled"] == 1
    assert not opened.wrong


def test_a_key_that_is_held_down_speaks_once(app, window):
    opened = window(app)
    page = opened.go("/annotate", SHOWN)
    for _ in range(5):
        page.keyboard.down("1")
    page.keyboard.up("1")
    opened.saved(1)
    page.wait_for_timeout(300)
    assert len(app.decisions()) == 1


def test_a_page_of_the_grid_that_is_clicked_twice_is_confirmed_once(app, window):
    opened = window(app)
    page = opened.go("/grid?label=Blue", ".tile")
    many = page.locator(".tile").count()
    page.route("**/api/grid?*", late)
    page.locator("#confirm").dblclick()
    opened.saved(many)
    page.wait_for_timeout(300)
    assert len(app.decisions()) == many


def test_the_photo_in_full_is_the_one_that_the_keys_speak_of(app, window):
    opened = window(app)
    page = opened.go("/review?lane=", ".one img")
    page.locator("#tab-all").click()
    page.wait_for_selector(".one img")
    page.locator(".one").nth(0).click()
    page.wait_for_selector("#detail .answers")
    page.keyboard.press("1")
    page.keyboard.press("ArrowRight")
    opened.saved(1)
    page.wait_for_timeout(1500)
    second = page.locator(".one.here").get_attribute("title")
    assert page.locator("#detail h2").inner_text() == second
    page.locator("#detail .neighbours button").first.click()
    page.wait_for_function("name => document.querySelector('#detail h2').textContent !== name", arg=second)
    like = page.locator("#detail h2").inner_text()
    page.wait_for_selector("#detail .answers")
    page.keyboard.press("3")
    opened.saved(2)
    assert app.decisions()[-1]["photo"] == like


def test_a_key_that_was_to_be_changed_is_what_it_was_once_the_help_is_closed(app, window):
    opened = window(app)
    page = opened.go("/annotate", SHOWN)
    page.keyboard.press("?")
    page.get_by_role("button", name="Unsure: X. Change the key").click()
    page.locator("#help-dialog header button").click()
    page.keyboard.press("1")
    opened.saved(1)
    assert app.decisions()[0]["label"] == "Red"


def test_copies_that_are_taken_back_together_are_asked_about_once(app, window):
    opened = window(app)
    page = opened.go("/annotate", SHOWN)
    first = shown(page)
    there = page.locator("#strip button").count()
    page.keyboard.press("1")
    opened.saved(1)

    def with_a_copy(route):
        answer = route.fetch()
        value = answer.json()
        (photo,) = value["photos"]
        copy = {**photo, "id": "f" * 16, "path": "copy.png", "name": "copy.png", "copies": [{"id": photo["id"], "path": photo["path"]}]}
        photo["copies"] = [{"id": copy["id"], "path": copy["path"]}]
        route.fulfill(response=answer, json={**value, "photos": [copy, photo]})  # the last comes first

    page.route("**/api/undo", with_a_copy)
    page.keyboard.press("z")
    page.wait_for_function("name => document.querySelector('#about .name').textContent === name", arg=first)
    assert page.locator("#strip button").count() == there
    assert page.locator("#strip [aria-label^='copy.png']").count() == 0
    assert not opened.wrong
