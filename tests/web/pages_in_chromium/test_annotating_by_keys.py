"""One photo at a time: what a key says is what is on disk, what the page calls saved is, and all of it can be taken back."""

import re

SHOWN = "#about .name"
CLASSES = ("Red", "Green", "Blue")


def shown(page):
    """The name of the photo that is shown."""
    return page.locator(SHOWN).text_content()


def moved_on(page, name):
    page.wait_for_function("name => document.querySelector('#about .name')?.textContent !== name", arg=name)


def label(page, many):
    """Say what so many photos show, by keys; what was said of which."""
    said = {}
    for _ in range(many):
        name = shown(page)
        said[name] = name.rpartition("-")[2].removesuffix(".png")
        page.keyboard.press(str(CLASSES.index(said[name]) + 1))
        moved_on(page, name)
    return said


def test_what_the_keys_say_is_on_disk(app, window):
    opened = window(app)
    page = opened.go("/annotate", SHOWN)
    said = label(page, 30)
    opened.saved(30)
    found = {one["photo"]: one for one in app.decisions()}
    assert {photo: one["label"] for photo, one in found.items()} == said
    assert {(one["who"], one["how"], one["kind"]) for one in found.values()} == {("me", "single", "label")}
    assert all(one["seconds"] < 60 for one in found.values())
    assert not opened.wrong


def test_space_takes_the_suggestion_and_only_where_it_is_shown(app, window):
    page = window(app).go("/annotate", SHOWN)
    suggested = {}
    for _ in range(10):
        before = shown(page)
        blind = page.locator("#guess.honest").count() == 1
        shares = [text for text in page.locator(".class .share").all_inner_texts() if text]
        if blind:
            assert not shares
            assert page.locator(".class.likeliest").count() == 0
            page.keyboard.press(" ")
            assert shown(page) == before  # nothing to accept
            page.keyboard.press("x")
        else:
            assert len(shares) == 3
            suggested[before] = page.locator(".class.likeliest .name").inner_text()
            page.keyboard.press(" ")
        moved_on(page, before)
    page.wait_for_function("() => document.querySelector('#kept').dataset.now === 'saved'")
    made = app.decisions()
    labels = {one["photo"]: one["label"] for one in made if one["kind"] == "label"}
    assert labels == suggested
    assert all((one["suggested"] is None) == (one["kind"] == "unsure") for one in made)
    assert len(suggested) == 8  # every fifth is drawn by chance


def test_saved_is_said_only_once_the_server_said_so(app, window):
    opened = window(app)
    held = []
    opened.page.route("**/api/decisions", lambda route: held.append(route))  # before the page is there, or the first may slip past
    page = opened.go("/annotate", SHOWN)
    page.keyboard.press("1")
    page.wait_for_function("() => document.querySelector('#kept').dataset.now === 'saving'")
    page.wait_for_timeout(300)
    assert "saved" not in page.locator("#kept").inner_text()
    assert not app.decisions()
    held[0].continue_()
    opened.saved(1)
    assert len(app.decisions()) == 1


def test_what_does_not_arrive_is_kept_said_so_and_sent_again_under_the_same_id(app, window):
    opened = window(app)
    sent = []

    def lose_the_answer(route):
        sent.append(route.request.post_data_json["decisions"])
        if len(sent) == 1:
            route.fetch()  # it arrives, but the page never hears of it
        route.abort()

    opened.page.route("**/api/decisions", lose_the_answer)
    page = opened.go("/annotate", SHOWN)
    page.keyboard.press("1")
    page.wait_for_function("() => document.querySelector('#kept').dataset.now === 'failing'")
    assert "1 not saved" in page.locator("#kept").inner_text()
    page.keyboard.press("2")
    page.wait_for_function("() => document.querySelector('#kept-words').textContent.startsWith('2 not saved')")
    leaving = page.evaluate("() => !dispatchEvent(new Event('beforeunload', { cancelable: true }))")
    assert leaving  # the browser asks before it lets go of them
    page.unroute("**/api/decisions")
    page.locator("#kept-again").dispatch_event("click")  # it may be trying by itself just now
    opened.saved(2)
    assert not page.evaluate("() => !dispatchEvent(new Event('beforeunload', { cancelable: true }))")
    first, _ = app.decisions()
    assert first["id"] == sent[0][0]["id"]


def test_a_server_that_is_killed_and_started_again_has_all_that_was_said(killable, window):
    opened = window(killable)
    page = opened.go("/annotate", SHOWN)
    said = label(page, 6)
    opened.saved(6)
    killable.kill()
    said |= label(page, 4)  # while nobody listens
    page.wait_for_function("() => document.querySelector('#kept-words').textContent.startsWith('4 not saved')")
    killable.start()
    opened.saved(10)
    assert {one["photo"]: one["label"] for one in killable.decisions()} == said


def test_a_server_that_asks_for_a_token_since_it_was_started_again_gets_it_and_all_that_was_said(killable, window):
    opened = window(killable)
    page = opened.go("/annotate", SHOWN)
    said = label(page, 1)
    opened.saved(1)
    killable.kill()
    killable.start(token="a-token-of-the-tests")
    said |= label(page, 2)
    page.wait_for_function("() => document.querySelector('#kept-words').textContent === '2 not saved'")
    with page.expect_popup() as entering:
        page.locator("#kept-login").click()
    other = entering.value
    other.locator("#token").fill(killable.token)
    other.locator("#token").press("Enter")
    other.wait_for_url(killable.address + "/")
    opened.saved(3)
    assert {one["photo"]: one["label"] for one in killable.decisions()} == said


def test_everything_can_be_taken_back_and_the_photo_is_shown_again(app, window):
    opened = window(app)
    page = opened.go("/annotate", SHOWN)
    said = label(page, 7)
    opened.saved(7)
    for name in reversed(said):
        page.keyboard.press("z")
        page.wait_for_function("name => document.querySelector('#about .name').textContent === name", arg=name)
    now = app.until(lambda now: now["counts"]["labelled"] == 0)
    assert now["counts"]["left"] == now["project"]["readable"]
    page.keyboard.press("z")
    page.wait_for_selector("text=There is nothing to take back.")


def test_arrows_go_back_and_what_was_said_can_be_changed(app, window):
    opened = window(app)
    page = opened.go("/annotate", SHOWN)
    first = shown(page)
    page.keyboard.press("1")
    moved_on(page, first)
    page.keyboard.press("ArrowLeft")
    assert shown(page) == first
    assert page.locator(".class.said .name").inner_text() == "Red"
    page.keyboard.press("b")
    opened.saved(2)
    counts = app.ask("/api/state")["counts"]
    assert (counts["bad"], counts["labelled"]) == (1, 0)


def test_a_key_of_ones_own_is_remembered(app, window):
    opened = window(app)
    page = opened.go("/annotate", SHOWN)
    page.keyboard.press("?")
    page.get_by_role("button", name=re.compile("^Unsure: X")).click()
    page.keyboard.press("q")
    page.keyboard.press("Escape")
    page.reload()
    page.wait_for_selector(SHOWN)
    assert page.locator("#say-unsure kbd").inner_text() == "Q"
    page.keyboard.press("x")
    page.keyboard.press("q")
    opened.saved(1)
    assert app.ask("/api/state")["counts"]["unsure"] == 1


def test_a_button_that_was_clicked_leaves_the_keys_to_the_page(app, window):
    opened = window(app)
    page = opened.go("/annotate", SHOWN)
    page.locator(".class", has_text="Blue").click()
    page.keyboard.press(" ")
    opened.saved(2)
    second = app.decisions()[1]
    assert second["label"] == second["suggested"]  # not once more the button
