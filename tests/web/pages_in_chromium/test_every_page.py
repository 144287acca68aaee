"""What holds of every page: names are text, nothing is too wide, keys and screen readers reach everything, nothing goes wrong unseen."""

from importlib.util import find_spec
from pathlib import Path

import pytest

PAGES = {  # address -> what it shows once it is there
    "/": "#steps .step",
    "/annotate": "#about .name",
    "/grid": ".tile img",
    "/review": ".one, #nothing h2",
    "/review?lane=auto": ".one img",
    "/train": "#models tr",
    "/look": ".one img",
    "/look?tab=map": "#legend button",
    "/look?tab=runs": "#studies-none:visible",
    "/search": "#drop h2",
}
HOSTILE = "<img src=x onerror=alert(1)>-Red.png"
WIDTHS = (390, 1280)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("path", PAGES)
def test_nothing_goes_wrong_and_nothing_is_too_wide(shared, window, path, width):
    """No error, no breach of the page's own policy, no dialog, no scrolling sideways."""
    opened = window(shared, width)
    page = opened.go(path, PAGES[path])
    page.wait_for_timeout(200)
    assert not opened.wrong
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width


@pytest.fixture(scope="session")
def axe():
    """The source of axe-core, which judges what screen readers and keyboards can do with a page."""
    found = find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        pytest.skip("takes axe-core: pip install axe-playwright-python")
    return (Path(found.origin).parent / "axe.min.js").read_text("utf-8")


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_serious_in_light_and_in_dark(shared, window, axe, path):
    page = window(shared).go(path, PAGES[path])
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(200)
        assert judged(page, axe) == []


def test_axe_finds_nothing_serious_in_what_opens(shared, window, axe):
    opened = window(shared)
    page = opened.go("/review?lane=auto", ".one img")
    page.locator(".one").first.click()
    page.wait_for_selector("#detail .answers")
    page.locator(".one").nth(2).click(modifiers=["Shift"])
    assert judged(page, axe) == []
    page.keyboard.press("?")
    page.wait_for_selector("#help-dialog[open]")
    assert judged(page, axe) == []


def judged(page, axe):
    page.evaluate(f"() => {{ {axe} }}")
    found = page.evaluate("async () => (await axe.run(document)).violations")
    return [(one["id"], [node["html"][:200] for node in one["nodes"]][:3]) for one in found if one["impact"] in ("serious", "critical")]


def test_names_that_are_markup_are_shown_as_text(shared, window):
    opened = window(shared)
    photo = next(one for one in shared.ask("/api/photos?limit=1000")["photos"] if one["name"] == HOSTILE)
    page = opened.go("/look?text=onerror", ".one img")
    page.locator(".one").click()
    page.wait_for_selector("#detail .answers")
    assert HOSTILE in page.locator("#detail h2").inner_text()
    page.goto(f"{shared.address}/search?photo={photo['id']}")
    page.wait_for_selector("#likes a")
    assert HOSTILE in page.locator("#asked").inner_text()
    assert page.locator("img[src=x]").count() == 0
    assert not opened.wrong


def test_who_one_is_may_be_any_text(shared, window):
    opened = window(shared)
    page = opened.go("/annotate", "#about .name")
    name = "<script>alert(1)</script>"
    page.locator("#whose").click()
    page.fill("#who-name", name)
    with page.expect_navigation():
        page.locator("#who-form button").click()
    page.wait_for_selector("#about .name")
    assert page.locator("#whose").inner_text() == name
    assert not opened.wrong


def test_what_was_tapped_last_does_not_look_as_if_it_were_chosen(app, chromium):
    """A finger leaves no pointer behind, but a browser keeps the hover: the next photo would come with the last answer laid under it."""
    context = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"{app.address}/annotate")
    page.wait_for_selector("#about .name")
    page.locator("#say-skip").tap()
    page.wait_for_timeout(400)
    ways = "all => all.map(one => getComputedStyle(one).backgroundColor + getComputedStyle(one).borderColor)"
    assert len(set(page.eval_on_selector_all("#others .button", ways))) == 1
    page.locator(".class:not(.likeliest)").first.tap()
    page.wait_for_timeout(600)
    assert len(set(page.eval_on_selector_all(".class:not(.likeliest)", ways))) == 1
    context.close()


@pytest.mark.slow
def test_a_page_is_there_within_a_second(shared, window):
    """Of the page's own work: what is measured begins when the first byte came."""
    page = window(shared).go("/annotate", "#about .name")
    page.reload()
    page.wait_for_selector("#about .name")
    first = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    begun = "performance.getEntriesByType('navigation')[0].responseStart"
    painted = page.evaluate(f"() => {first} - {begun}")
    assert painted < 1000


def test_every_module_says_what_it_is_for():
    import modiste.web.pages

    folder = Path(modiste.web.pages.__file__).parent / "static"
    scripts = sorted(folder.glob("*.js"))
    assert scripts
    for script in scripts:
        text = script.read_text("utf-8")
        assert text.startswith("// "), script.name
        assert ".innerHTML" not in text, script.name
        assert "insertAdjacentHTML" not in text, script.name
        assert "http://" not in text.replace("http://www.w3.org", ""), script.name
