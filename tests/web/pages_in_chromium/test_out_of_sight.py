"""What cannot be seen is not spoken of, and what is gone is not shown."""


def test_keys_say_nothing_of_photos_that_are_chosen_on_another_tab(app, window):
    opened = window(app)
    page = opened.go("/look", ".one img")
    page.locator(".one").nth(0).click()
    page.locator(".one").nth(2).click(modifiers=["Shift"])
    page.locator("#tab-map").click()
    page.wait_for_selector("#legend button")
    for key in ("1", "a", "x", "b"):
        page.keyboard.press(key)
    page.wait_for_timeout(500)
    assert not app.decisions()
    page.locator("#tab-photos").click()
    page.keyboard.press("1")
    opened.saved(3)
    assert not opened.wrong


def test_typing_a_name_is_not_labelling(app, window):
    opened = window(app)
    page = opened.go("/look", ".one img")
    page.locator(".one").nth(0).click()
    page.keyboard.press("/")
    page.keyboard.type("001-")
    page.wait_for_function("() => document.querySelector('#many').textContent === '1 photo'")
    assert page.locator(".one").count() == 1
    assert not app.decisions()


def test_a_decision_that_the_server_will_never_take_is_given_back(app, window):
    opened = window(app)
    refusal = '{"error": "there is no such photo in this project (any more).", "reason": "not_found"}'
    opened.page.route("**/api/decisions", lambda route: route.fulfill(status=404, body=refusal, content_type="application/json"))
    page = opened.go("/annotate", "#about .name")
    name = page.locator("#about .name").text_content()
    page.keyboard.press("1")
    page.wait_for_selector(".said-so.wrong >> text=Not taken")
    page.unroute("**/api/decisions")
    page.keyboard.press("2")
    opened.saved(1)
    assert [one["label"] for one in app.decisions()] == ["Green"]
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert page.locator("#about .name").text_content() == name
    assert page.locator(".class.said").count() == 0
