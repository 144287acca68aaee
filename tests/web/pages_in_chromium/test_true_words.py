"""What a page says is so: of what was accepted, of what stands, of what is not to be seen yet."""


def disputed(app):
    photo = app.ask("/api/photos?limit=1")["photos"][0]
    for who, label in (("Ada", "Red"), ("Berta", "Blue")):
        said = {"id": label, "photo": photo["id"], "kind": "label", "label": label, "how": "single"}
        app.ask("/api/decisions", {"decisions": [said]}, who)
    return photo


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
