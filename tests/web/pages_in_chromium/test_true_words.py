"""What a page says is so: of photos that did not come, of what was accepted, of what stands, of who says it."""

import pytest

SHOWN = "#about .name"


def disputed(app):
    photo = app.ask("/api/photos?limit=1")["photos"][0]
    for who, label in (("Ada", "Red"), ("Berta", "Blue")):
        said = {"id": label, "photo": photo["id"], "kind": "label", "label": label, "how": "single"}
        app.ask("/api/decisions", {"decisions": [said]}, who)
    return photo


@pytest.mark.parametrize(
    ("path", "asked", "place", "there"),
    [
        ("/annotate", "queue", "#done", SHOWN),
        ("/grid", "grid", "#done", ".tile"),
        ("/review?lane=", "photos", "#nothing", ".one img"),
    ],
)
def test_photos_that_did_not_come_are_not_said_to_be_none_and_come_when_asked_again(shared, window, path, asked, place, there):
    opened = window(shared)
    page = opened.page
    for news in ("events", "state"):  # or they come by themselves once the server is heard of
        page.route(f"**/api/{news}", lambda route: route.abort())
    page.route(f"**/api/{asked}?*", lambda route: route.abort())
    page.goto(shared.address + path)
    page.wait_for_selector(f"{place} >> text=The photos did not come")
    page.unroute(f"**/api/{asked}?*")
    page.locator(f"{place} .button").click()
    page.wait_for_selector(there)
    assert not page.locator(place).is_visible()


def test_photos_of_the_honest_sample_are_shown_without_what_is_guessed_of_them(shared, window):
    found = shared.ask("/api/photos?limit=200")["photos"]
    hidden = [one for one in found if one["sample"] and not one["said"] and one["name"][:3].isdigit()]
    assert hidden
    opened = window(shared)
    page = opened.go(f"/look?text={hidden[0]['name']}", ".one img")
    assert page.locator(".one .none").count() == 0
    assert page.locator(".one").get_attribute("aria-label").endswith(", not shown yet")
    page.locator(".one").click()
    page.wait_for_selector("#detail >> text=Of the honest sample")
    assert page.get_by_role("button", name="Where it looked").count() == 0
    page = opened.go(f"/search?photo={hidden[0]['id']}", "#asked img")
    page.wait_for_selector("#asked >> text=Of the honest sample")
    assert page.locator("#asked .shares").count() == 0
    assert not opened.wrong


def test_a_key_settles_what_people_disagree_on_and_what_is_accepted_is_counted(app, window):
    photo = disputed(app)
    opened = window(app)
    page = opened.go("/review?said=conflict", ".one img")
    assert ", disagreement, " in page.locator(".one").get_attribute("aria-label")
    page.locator(".one").click()
    page.keyboard.press("1")
    opened.saved(1)
    assert app.decisions()[-1]["how"] == "adjudicated"
    assert app.ask(f"/api/photo/{photo['id']}")["settled"] == "Red"
    page = opened.go("/look", ".one img")
    found = app.ask("/api/photos?limit=200&sort=path")["photos"]
    guessed, *_ = (one["name"] for one in found if one["label"])
    for name in [guessed, *[one["name"] for one in found if not one["label"]][:2]]:
        page.locator(f".one[title='{name}'] .pick").dispatch_event("click", {"bubbles": True})
    page.keyboard.press("a")
    page.wait_for_selector("text=1 suggestion accepted. 2 photos have none to accept.")
    opened.saved(1)


def test_what_went_wrong_is_told_in_the_dialog_and_what_was_taken_in_is_shown_behind_it(app, window, tmp_path):
    (tmp_path / "labels.csv").write_text("photo,label\n000-Red.png,Red\n")
    opened = window(app)
    page = opened.go("/", "#steps .step")
    page.get_by_role("button", name="Import labels").click()
    page.locator("#import-path").fill("/nowhere/at/all")
    page.locator("#import-form [type=submit]").click()
    page.locator("#import-dialog [role=alert] .link").click()  # under nothing that is in its way
    page.locator("#import-path").fill(str(tmp_path / "labels.csv"))
    page.locator("#import-form [type=submit]").click()
    page.wait_for_selector("text=1 label was taken in.")
    page.wait_for_selector("#steps >> text=1 labelled")
    assert [(one["photo"], one["label"], one["how"]) for one in app.decisions()] == [("000-Red.png", "Red", "import")]


def test_what_is_said_in_a_page_is_of_whom_it_names(app, window):
    opened = window(app)
    page = opened.go("/annotate", SHOWN)
    other = page.context.new_page()
    other.goto(app.address + "/")
    other.evaluate("() => fetch('/api/who', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{\"who\": \"Berta\"}'})")
    assert page.locator("#whose").inner_text() == "me"
    page.keyboard.press("1")
    opened.saved(1)
    page.keyboard.press("z")
    page.wait_for_selector("text=Taken back.")
    assert {one["who"] for one in app.decisions()} == {"me"}
    assert app.ask("/api/state")["counts"]["labelled"] == 0


def test_home_says_why_the_photos_could_not_be_looked_at_and_looks_again(window, serving, tmp_path):
    import shops

    from modiste.projects.project import project_at

    shops.shop(tmp_path, 3)
    table = tmp_path / "products.csv"
    table.write_text("image,title\n000-Red.png,One\n001-Green.png,Two,three\n")
    with serving(project_at(table, model=shops.network(tmp_path / "colours.onnx")), looked=False) as app:
        app.until(lambda now: now["trouble"])
        opened = window(app)
        for path, place in (("/annotate", "#done"), ("/grid", "#done"), ("/review", "#nothing"), ("/look", "#nothing")):
            page = opened.go(path, f"{place} >> text=has 3 cells")
        opened.go("/", "#next-heading >> text=The photos could not be looked at")
        page.wait_for_selector("#next-why >> text=has 3 cells")
        table.write_text("image,title\n000-Red.png,One\n001-Green.png,Two\n")
        page.get_by_role("button", name="Look again").first.click()
        page.wait_for_selector("#steps >> text=2 photos in")
        assert not page.locator("#next-do").is_visible()


def test_the_labels_that_only_judge_are_not_counted_among_those_that_are_learnt_from(app, window):
    photos = app.ask("/api/photos?limit=1000")["photos"]
    judges, others = ([one["id"] for one in photos if one["sample"] is sample] for sample in (True, False))
    say(app, judges, "Red")
    opened = window(app)
    page = opened.go("/train", "text=What is labelled so far is of the honest sample")
    assert page.locator("#learn").is_disabled()
    say(app, others[:7], "Blue")
    page.wait_for_selector(f"text=From 7 labels, on this machine. {len(judges)} more, of the honest sample, only judge.")
    assert page.locator("#shares .number").all_inner_texts() == ["0", "0", "7"]
    assert page.locator("#learn").is_enabled()
    assert not opened.wrong


def test_how_far_two_people_agree_is_said_once(app, window):
    photos = [one["id"] for one in app.ask("/api/photos?limit=9")["photos"]]
    for who in ("Ada", "Berta"):
        say(app, photos, "Red", who)
    page = window(app).go("/", "#agree-heading")
    assert page.locator("[aria-labelledby=agree-heading] p").all_inner_texts() == [app.ask("/api/agreement")["pairs"][0]["words"] + "."]


def say(app, photos, label, who="me"):
    sent = [{"id": f"{who}-{photo}", "photo": photo, "kind": "label", "label": label, "how": "single"} for photo in photos]
    assert len(app.ask("/api/decisions", {"decisions": sent}, who)["saved"]) == len(photos)
