"""What Home offers to take along is there to be taken."""

from pathlib import Path


def test_every_download_that_is_offered_comes(app, window):
    photos = app.ask("/api/photos?limit=3")["photos"]
    said = [{"id": f"one-{n}", "photo": one["id"], "kind": "label", "label": "Red", "how": "single"} for n, one in enumerate(photos)]
    app.ask("/api/decisions", {"decisions": said})
    page = window(app).go("/", "#steps a[download]")
    offered = page.eval_on_selector_all("#steps a[download]", "all => all.map(one => one.getAttribute('href'))")
    assert len(offered) == 2
    for address in offered:
        answer = page.request.get(app.address + address)
        assert (answer.status, answer.text().count("Red") >= 3) == (200, True), address


def test_every_folder_that_is_offered_is_written(app, window, folder):
    photos = app.ask("/api/photos?limit=3")["photos"]
    said = [{"id": f"one-{n}", "photo": one["id"], "kind": "label", "label": "Red", "how": "single"} for n, one in enumerate(photos)]
    app.ask("/api/decisions", {"decisions": said})
    opened = window(app)
    page = opened.go("/", "#steps a[download]")
    formats = page.eval_on_selector_all("#export-format option", "all => all.map(one => one.value)")
    for name in formats:
        page.get_by_role("button", name="Write a folder").click()
        page.locator("#export-format").select_option(name)
        with page.expect_response("**/api/export") as answer:
            page.get_by_role("button", name="Write it").click()
        assert answer.value.status == 200, answer.value.text()
        written = Path(answer.value.json()["path"])
        assert written.is_relative_to(Path(folder) / "exports")
        assert any(written.iterdir())
    assert len(formats) == len(list((Path(folder) / "exports").iterdir())) == 6
    assert not opened.wrong
