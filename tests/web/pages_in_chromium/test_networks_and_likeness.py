"""Learn, compare, put in use; look at the map; search: through the pages alone."""

import base64
import re


def test_labels_lead_to_a_network_that_is_compared_and_put_in_use(app, window):
    opened = window(app)
    photos = app.ask("/api/photos?limit=1000")["photos"]
    truth = {one["id"]: one["name"].rpartition("-")[2].removesuffix(".png") for one in photos}
    said = [{"id": f"t-{photo}", "photo": photo, "kind": "label", "label": label, "how": "single"} for photo, label in truth.items()]
    app.ask("/api/decisions", {"decisions": said})
    page = opened.go("/train", "#learn:enabled")
    page.locator("#learn").click()
    page.wait_for_selector("tbody >> text=Network 1", timeout=120_000)
    app.until(lambda now: now["job"] is None)
    page.get_by_role("button", name="Compare Network 1 with the one in use").click()
    page.wait_for_selector(".pairs .pair")
    judging = sum(one["sample"] and truth[one["id"]] != "Blue" for one in photos)
    words = f"Of the {judging} of the honest sample among them, from which none learns, The one it began with is right on 0"
    assert words in page.locator("#compare-why").inner_text()
    swapped = page.locator("#changes .chip", has_text="Red → Green")
    assert swapped.is_visible()
    swapped.click()
    page.wait_for_selector("#changes .chip[aria-pressed=true]")
    page.wait_for_selector(".pairs .pair")
    sides = page.locator(".pairs .sides").all_inner_texts()
    assert sides
    assert all(re.search(r"Red[\s\S]*Green", side) for side in sides)
    page.get_by_role("button", name="Put Network 1 in use").click()
    assert "What people said stays as it is" in page.locator("#promote").inner_text()
    page.locator("#promote-go").click()
    page.wait_for_selector("tr.used >> text=Network 1")
    assert app.ask("/api/state")["model"]["number"] == 1
    assert not opened.wrong


def test_a_loop_on_the_map_labels_what_lies_in_it(app, window):
    opened = window(app)
    page = opened.go("/look?tab=map", "#legend button")
    page.wait_for_timeout(300)
    box = page.locator("#canvas").bounding_box()
    page.locator("#lasso").click()
    corners = [(0.02, 0.12), (0.98, 0.12), (0.98, 0.88), (0.02, 0.88), (0.02, 0.5)]
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for x, y in places[1:]:
        page.mouse.move(x, y, steps=4)
    page.mouse.up()
    page.wait_for_selector("#map-wall .one img")
    many = int(page.locator("#lassoed-words").inner_text().split()[0])
    assert many > 30
    assert re.match(r"\d{3}-\w+\.png, nothing said yet, ", page.locator("#map-wall .one").first.get_attribute("aria-label"))
    page.locator("#map-bulk .button", has_text="Unsure").click()
    opened.saved(many)
    assert app.ask("/api/state")["counts"]["unsure"] == many
    page.keyboard.press("z")
    app.until(lambda now: now["counts"]["unsure"] == 0)
    before = len(app.decisions())
    page.locator("#lassoed-close").click()
    page.keyboard.press("1")  # nothing of the loop is in sight any more
    page.wait_for_timeout(500)
    assert len(app.decisions()) == before
    assert not opened.wrong


def test_a_photo_that_is_dropped_is_labelled_and_its_like_is_found(shared, window, tmp_path):
    import shops

    opened = window(shared)
    page = opened.go("/search", "#drop")
    drop = """data => {
        const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0));
        const carried = new DataTransfer();
        carried.items.add(new File([bytes], "<b>mine</b>.png", { type: "image/png" }));
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true }));
    }"""
    page.evaluate(drop, base64.b64encode(shops.png("Blue", 9999)).decode())
    page.wait_for_selector("#likes a")
    assert page.locator("#asked h2").inner_text().startswith("Blue")
    assert "<b>mine</b>.png" in page.locator("#asked").inner_text()
    page.get_by_role("button", name="Where it looked").click()
    page.wait_for_selector("#asked .heat")
    page.locator("#classes .chip", has_text="Green").click()
    page.wait_for_function("() => [...document.querySelectorAll('#likes .line')].every(one => one.textContent.startsWith('Green'))")
    page.locator("#likes a").first.click()
    page.wait_for_url("**/search?photo=*")
    page.wait_for_function("() => document.querySelector('#asked h2').textContent.startsWith('Green')")
    assert not opened.wrong


def test_a_file_that_is_no_photo_is_refused_in_words(shared, window, tmp_path):
    odd = tmp_path / "odd.png"
    odd.write_bytes(b"not a photo")
    opened = window(shared)
    page = opened.go("/search", "#drop")
    page.set_input_files("#file", odd)
    page.wait_for_selector(".said-so.wrong")
    assert "no photo that can be read" in page.locator(".said-so").inner_text()
