"""What Home offers to take along is there to be taken, and what was taken along can be brought back."""

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


def test_labels_that_were_downloaded_are_brought_back_as_a_file(app, window, tmp_path):
    photos = app.ask("/api/photos?limit=3")["photos"]
    table = tmp_path / "from elsewhere.csv"
    table.write_text("photo,label\n" + "".join(f"{one['name']},Green\n" for one in photos))
    opened = window(app)
    page = opened.go("/", "#steps a[download]")
    page.get_by_role("button", name="Import labels").click()
    page.locator("#import-file").set_input_files(table)
    page.get_by_role("button", name="Take them in").click()
    page.wait_for_selector("text=3 labels were taken in.")
    assert app.ask("/api/state")["counts"]["classes"]["Green"] == 3
    table.write_text("photo,label\n<b>none</b>.png,Green\n")
    page.get_by_role("button", name="Import labels").click()
    page.locator("#import-file").set_input_files(table)
    page.get_by_role("button", name="Take them in").click()
    page.wait_for_selector("text=from elsewhere.csv labels 1 photos, none of which is in this project: '<b>none</b>.png'")
