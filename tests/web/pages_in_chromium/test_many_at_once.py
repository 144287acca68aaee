"""The grid and the review: many photos said at once are saved as one, and taken back as one; of a wall only what is in sight is there."""

import json
from urllib.parse import parse_qs, urlsplit

from modiste.annotating.decisions import Decision
from modiste.annotating.ledger import open_ledger
from modiste.projects.project import DECISIONS

TILES = ".tile"


def names(page):
    return [label.partition(",")[0] for label in page.locator(TILES).evaluate_all("all => all.map(one => one.getAttribute('aria-label'))")]


def test_a_page_of_the_grid_is_one_batch_that_is_taken_back_as_one(app, window):
    opened = window(app)
    page = opened.go("/grid?label=Blue", TILES)
    first = names(page)
    page.keyboard.press("Enter")
    opened.saved(len(first))
    made = app.decisions()
    assert {one["photo"] for one in made} == set(first)
    assert {(one["label"], one["how"], one["suggested"]) for one in made} == {("Blue", "grid", "Blue")}
    assert len({one["batch"] for one in made}) == 1
    page.keyboard.press("z")
    page.wait_for_function("name => document.querySelector('.tile')?.getAttribute('aria-label').startsWith(name)", arg=first[0])
    assert names(page) == first
    assert app.until(lambda now: now["counts"]["labelled"] == 0)


def test_marked_photos_are_left_open_and_a_number_gives_them_a_class(app, window):
    opened = window(app)
    page = opened.go("/grid?label=Red", TILES)
    there = names(page)
    page.locator(TILES).nth(0).click()
    page.locator(TILES).nth(2).click(modifiers=["Shift"])  # three in a row
    page.keyboard.press("2")
    page.locator(TILES).nth(4).click()
    assert page.locator(".tile[aria-pressed=true]").count() == 4
    page.keyboard.press("Enter")
    opened.saved(len(there) - 1)
    labels = {one["photo"]: one["label"] for one in app.decisions()}
    assert [labels.get(name) for name in there] == ["Green"] * 3 + ["Red", None] + ["Red"] * (len(there) - 5)


def test_the_grid_goes_by_arrows_alone(app, window):
    opened = window(app)
    page = opened.go("/grid?label=Blue", TILES)
    there = names(page)
    for key in ("ArrowRight", "ArrowRight", " ", "x", "Enter"):
        page.keyboard.press(key)
    opened.saved(len(there))
    kinds = {one["photo"]: one["kind"] for one in app.decisions()}
    assert kinds[there[1]] == "unsure"
    assert [kinds[name] for name in there].count("label") == len(there) - 1


def test_every_photo_of_a_class_comes_once(app, window):
    opened = window(app)
    page = opened.go("/grid?label=Blue", TILES)
    expected = app.ask("/api/grid?label=Blue&n=100")["left"]["Blue"]
    for _ in range(10):
        before = page.locator("#kept-words").text_content()
        page.keyboard.press("Enter")
        page.wait_for_function("words => document.querySelector('#kept-words').textContent !== words", arg=before)
        page.wait_for_function("() => document.querySelector('.tile') || document.querySelector('#done h2')")
        if page.locator("#done").is_visible():
            break
    made = [one["photo"] for one in app.decisions()]
    assert len(made) == len(set(made)) == expected


def test_what_is_chosen_in_the_review_is_said_at_once(app, window):
    opened = window(app)
    page = opened.go("/review?lane=", ".one img")
    page.locator("#tab-all").click()
    page.wait_for_selector(".one img")
    page.locator(".one").nth(1).click()
    page.locator(".one").nth(4).click(modifiers=["Shift"])
    assert page.locator(".one[aria-selected=true]").count() == 4
    page.keyboard.press("3")
    opened.saved(4)
    assert [one["label"] for one in app.decisions()] == ["Blue"] * 4
    assert len({one["batch"] for one in app.decisions()}) == 1
    page.keyboard.press("a")  # the network's own word instead
    opened.saved(8)
    assert all(one["label"] == one["suggested"] for one in app.decisions()[4:])
    for labelled in (4, 0):
        page.keyboard.press("z")
        app.until(lambda now, many=labelled: now["counts"]["labelled"] == many)


def test_people_who_disagree_are_heard_and_one_word_settles_it(app, window):
    photo = app.ask("/api/photos?limit=1")["photos"][0]["id"]
    for who, label in (("Ada", "Red"), ("<b>Berta</b>", "Blue")):
        app.ask("/api/decisions", {"decisions": [{"id": label, "photo": photo, "kind": "label", "label": label, "how": "single"}]}, who)
    opened = window(app)
    page = opened.go("/", "text=1 photo is disputed")
    page.locator("#next-go").click()
    page.wait_for_selector(".one img")
    assert page.locator(".one").count() == 1
    page.locator(".one").click()
    page.wait_for_selector("text=your word settles it")
    assert "<b>Berta</b>: Blue" in page.locator("#detail").inner_text()
    page.locator("#detail .answers .button", has_text="Red").click()
    opened.saved(1)
    assert app.decisions()[-1]["how"] == "adjudicated"
    assert app.ask("/api/state")["counts"]["conflicts"] == 0
    page.wait_for_selector("text=settled it: your word takes the place of that")
    page.locator("#detail .answers .button", has_text="Blue").click()
    opened.saved(2)
    assert [one["how"] for one in app.decisions()[-2:]] == ["adjudicated", "adjudicated"]
    assert app.ask(f"/api/photo/{photo}")["settled"] == "Blue"
    assert not opened.wrong


def test_a_photo_that_was_replaced_is_shown_until_somebody_says_whether_it_is_still_right(killable, window):
    killable.kill()
    with open_ledger(killable.folder / DECISIONS) as ledger:
        ledger.add([Decision("d1", "000-Red.png", "label", "Red", "ada", "single", sha256="0f" * 32)])  # of bytes that are no longer there
    killable.start()
    opened = window(killable)
    page = opened.go("/", "text=1 photo was replaced since people spoke of it")
    page.locator("#next-go").click()
    page.wait_for_selector(".one img")
    page.locator(".one").click()
    page.wait_for_selector("text=The photo was replaced since")
    page.locator("#detail .answers .button", has_text="Green").click()
    opened.saved(1)
    assert killable.ask("/api/state")["counts"]["replaced"] == 0
    assert not opened.wrong


MANY = 100_000


def far(route):
    """A page of photos as a project of 100,000 has them."""
    query = dict(pair.split("=") for pair in route.request.url.partition("?")[2].split("&"))
    offset, limit = int(query["offset"]), int(query["limit"])
    rest = {"sha": "0" * 8, "label": "Red", "confidence": 0.5, "decision": "auto", "said": None, "settled": None}
    photos = [{"id": f"{number:016x}", "name": f"{number}.png", **rest} for number in range(offset, min(MANY, offset + limit))]
    route.fulfill(body=json.dumps({"total": MANY, "offset": offset, "photos": photos}), content_type="application/json")


def test_of_100_000_photos_only_those_in_sight_are_in_the_page(shared, window):
    opened = window(shared)
    asked = []
    opened.page.route("**/api/photos?*", lambda route: (asked.append(route.request.url), far(route)))
    opened.page.route("**/photo/*", lambda route: route.fulfill(status=404))
    page = opened.go("/review", ".one .caption .name")
    there = page.locator(".one").count()
    assert there < 120
    boxes = page.locator(".one").evaluate_all("all => all.map(one => (({ left, top }) => [left, top])(one.getBoundingClientRect()))")
    columns = len({left for left, _ in boxes})
    first, second = sorted({top for _, top in boxes})[:2]
    row = second - first
    height = page.evaluate("() => document.querySelector('#wall').scrollHeight")
    assert abs(height - MANY / columns * row) < 3 * row
    page.evaluate("() => document.querySelector('#wall').scrollTop = 1e9")
    page.wait_for_selector("[aria-label^='99999.png']")
    page.evaluate("height => document.querySelector('#wall').scrollTop = height / 2", height)
    page.wait_for_function("() => document.querySelector('.one:not(.blank)')?.getAttribute('aria-label').match(/^(49|50)\\d{3}\\.png/)")
    assert page.locator(".one").count() < 120
    assert len(asked) < 12  # what was flown past was not asked for
    lists = [parse_qs(urlsplit(one).query).get("list") for one in asked]
    assert lists[0]
    assert lists == [lists[0]] * len(asked)  # one that stays what it is


def test_more_photos_than_a_request_may_have_are_one_batch_all_the_same(app, window):
    opened = window(app)
    page = opened.go("/grid?label=Blue", TILES)
    ids = [one["id"] for one in app.ask("/api/photos?limit=1000")["photos"]]
    many = 5001
    page.evaluate(
        """([ids, many]) => import("/static/saving.js").then(({ decide }) =>
          decide(Array.from({ length: many }, (_, n) => ({ photo: ids[n % ids.length], kind: "label", label: "Red", how: "review" }))))""",
        [ids, many],
    )
    opened.saved("5,001")
    made = app.decisions()
    assert len(made) == many
    assert len({one["batch"] for one in made}) == 1
    page.keyboard.press("z")
    app.until(lambda now: now["counts"]["labelled"] == 0)
