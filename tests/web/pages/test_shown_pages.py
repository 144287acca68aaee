"""What pages ask for: queues, walls, photos in portions, what looks alike, networks side by side, maps and reports."""

import base64
import io
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from modiste.projects.jobs import Jobs
from modiste.projects.project import Model, opened, project_at
from modiste.records.errors import ModisteError, Stopped, UsageError
from modiste.serving.bundle import read_bundle
from modiste.web.limits import Refused
from modiste.web.pages import looking
from modiste.web.pages.asking import found_of
from modiste.web.pages.shown import PAGES


def until(pages, path, holds=lambda _said: True):
    """Ask again while the answer is not there yet, as pages do."""
    ends = time.monotonic() + 120
    while True:
        answer = pages.ask("GET", path, **pages.cookie())
        if answer.status == 200 and holds(answer.plain):
            return answer.plain
        assert answer.status in (200, 503), answer.text
        assert answer.status == 200 or answer.headers["retry-after"]
        assert time.monotonic() < ends
        time.sleep(0.1)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_there_and_holds_no_script_and_no_style_of_its_own(shared, path):
    answer = shared.ask("GET", path)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/html")
    text = answer.text.decode().lower()
    assert "http://" not in text
    assert "https://" not in text
    assert " style=" not in text
    assert " onclick=" not in text
    assert text.count("<script") == text.count('<script type="module" src="/static/') + text.count('<script type="application/json"')


def test_portions_together_are_the_whole(shared):
    for query in ("sort=path", "sort=doubt", "sort=strange&lane=review", "sort=recent&said=none", "label=Red", "text=green"):
        whole = shared.get(f"/api/photos?limit=1000&{query}")
        assert whole["total"] == len(whole["photos"])
        for limit in (1, 3, 7):
            parts = []
            for offset in range(0, whole["total"] + limit, limit):
                part = shared.get(f"/api/photos?limit={limit}&offset={offset}&{query}")
                assert (part["total"], part["offset"]) == (whole["total"], offset)
                assert len(part["photos"]) == max(0, min(limit, whole["total"] - offset))
                parts += part["photos"]
            assert parts == whole["photos"]


def test_portions_are_of_one_list_whatever_is_said_of_the_photos_meanwhile(pages):
    whole, seen = pages.get("/api/photos?said=none&limit=1000")["photos"], []
    while len(seen) < len(whole):
        part = pages.get(f"/api/photos?said=none&limit=3&list=mine&offset={len(seen)}")
        assert part["total"] == len(whole)
        pages.say(*(pages.decision(one["id"]) for one in part["photos"]))  # what is spoken of is no more among "nothing said yet"
        seen += part["photos"]
    assert [one["id"] for one in seen] == [one["id"] for one in whole]
    for another in ("", "&list=another"):
        assert pages.get(f"/api/photos?said=none{another}")["total"] == 0
    assert pages.get("/api/photos?said=none&list=mine", "ben")["total"] == 0  # it is of ada alone


def test_a_photo_among_many_is_the_photo_itself(shared):
    for brief in shared.photos():
        whole = shared.get(f"/api/photo/{brief['id']}")
        hidden = ("said", "label", "confidence") if brief["sample"] else ("said",)
        assert {name: whole[name] for name in brief if name not in hidden} == {name: brief[name] for name in brief if name not in hidden}
        if brief["sample"]:  # nobody has spoken of it: a guess that is shown draws people to it
            assert (brief["label"], brief["confidence"]) == (None, None)
        if whole["problem"]:
            assert (whole["label"], whole["decision"], whole["probabilities"], whole["neighbours"]) == (None, "reject", {}, [])
            assert whole["words"]
        else:
            assert sum(whole["probabilities"].values()) == pytest.approx(1, abs=1e-4)
            assert max(whole["probabilities"], key=whole["probabilities"].get) == whole["label"]
            assert (whole["width"], whole["height"]) == (32, 32)


def test_photos_that_are_asked_for_by_their_ids_are_those_of_the_wall(shared):
    there = shared.photos()
    ids = [one["id"] for one in there]
    assert shared.post("/api/briefs", {"ids": [*ids[::-1], "0" * 16, ""]})["photos"] == there[::-1]
    for wrong in (None, "x", [7], [None], {}, ["0"] * 5001):
        assert shared.send("/api/briefs", {"ids": wrong}).status == 422


def test_a_queue_and_a_wall_over_http_are_of_open_photos_once_each(pages):
    seen = set()
    while photos := pages.get("/api/queue?n=4")["photos"]:
        for photo in photos:
            assert photo["said"] is None
            assert photo["sha"] not in seen  # copies stand under one
            seen.add(photo["sha"])
        more = pages.get(f"/api/queue?n=4&skip={','.join(photo['id'] for photo in photos)}")["photos"]
        assert not {photo["sha"] for photo in photos} & {photo["sha"] for photo in more}
        wall = pages.get("/api/grid?n=100&label=Red")
        assert {photo["label"] for photo in wall["photos"]} <= {"Red"}
        assert not [photo for photo in wall["photos"] if photo["sample"] or photo["said"]]
        assert wall["left"]["Red"] == len(wall["photos"])
        pages.say(*(pages.decision(photo["id"], "Red") for photo in photos))
    assert len(seen) == 17
    assert pages.get("/api/grid")["photos"] == []
    assert pages.get("/api/state")["counts"]["left"] == 0


def test_what_looks_alike_has_the_photo_itself_left_out_and_copies_under_one(shared):
    for photo in shared.photos():
        if photo["label"] is None:
            continue
        found = shared.get(f"/api/search?photo={photo['id']}&k=8")
        assert found["asked"]["id"] == photo["id"]
        similar = [one["similarity"] for one in found["neighbours"]]
        assert similar == sorted(similar, reverse=True)
        assert all(-1 <= one <= 1 for one in similar)
        shas = [one["sha"] for one in found["neighbours"]]
        assert photo["sha"] not in shas
        assert len(set(shas)) == len(shas)
        alone = shared.get(f"/api/search?photo={photo['id']}&k=8&label=Blue")
        assert {one["label"] for one in alone["neighbours"] if not one["sample"]} == {"Blue"}


def test_the_heat_of_a_photo_is_a_picture(shared):
    photo = shared.id_of("000-Red.png")
    said = shared.get(f"/api/heat/{photo}")
    kind, _, data = said["heat"].partition(",")
    assert kind == "data:image/png;base64"
    assert Image.open(io.BytesIO(base64.b64decode(data))).mode == "RGBA"
    assert said["label"] == "Red"
    assert 400 <= shared.ask("GET", f"/api/heat/{shared.id_of('broken.jpg')}").status < 500


def test_labels_lead_to_a_better_network_that_is_compared_put_in_use_and_there_after_a_restart(served, tmp_path, colours):
    import shops

    photos = shops.shop(tmp_path / "shop", 75)
    wrong = shops.network(tmp_path / "wrong.onnx", (1, 0, 2))
    with served(project_at(photos, model=wrong)) as pages:
        refused = pages.post("/api/train", {})
        assert refused["started"]
        assert "nothing is labelled" in pages.settled()["last"]["words"]
        for photo in pages.photos():
            pages.say(pages.decision(photo["id"], shops.truth(photo["name"])))
        before = pages.get("/api/state")["estimate"]
        assert before["accuracy"] < 0.6
        pages.post("/api/train", {})
        ended = pages.settled()["last"]
        assert (ended["kind"], ended["ok"]) == ("train", True), ended
        models = pages.get("/api/models")
        assert [(one["number"], one["in_use"]) for one in models["models"]] == [(0, True), (1, False)]
        assert models["models"][1]["labels"] == 75 - sum(one["sample"] for one in pages.photos())
        found = until(pages, "/api/compare?a=0&b=1&limit=500")
        right = {one["id"]: one["a"]["label"] == shops.truth(one["name"]) for one in found["photos"]}
        assert found["differ"] == len(found["photos"]) == len(right)
        assert found["differ"] + found["same"] == 75
        assert all(one["a"]["label"] != one["b"]["label"] for one in found["photos"])
        sample = {one["id"] for one in pages.photos() if one["sample"]}
        others = {one["id"] for one in pages.get("/api/compare?a=0&b=1&limit=500", "bob")["photos"]}
        assert others == set(right) - sample  # whose guess is not to be seen before bob has spoken of them
        assert sample & set(right)
        assert sum(pair["n"] for pair in found["pairs"]) == found["differ"]
        for pair in found["pairs"]:
            some = pages.get(f"/api/compare?a=0&b=1&limit=500&from={pair['from']}&to={pair['to']}")
            assert some["total"] == len(some["photos"]) == pair["n"]
            assert {(one["a"]["label"], one["b"]["label"]) for one in some["photos"]} == {(pair["from"], pair["to"])}
        assert pages.send("/api/promote", {"number": 7}).status == 422
        assert pages.post("/api/promote", {"number": 1}) == {"in_use": 1}
        state = pages.settled()
        assert state["model"]["number"] == 1
        assert state["estimate"]["accuracy"] > max(0.9, before["accuracy"])
        assert sum(one["label"] == shops.truth(one["name"]) for one in pages.photos()) > 70
        guesses = {one["id"]: one["label"] for one in pages.photos()}
    with served(photos.with_name("shop.project")) as pages:
        assert pages.get("/api/state")["model"]["number"] == 1
        assert {one["id"]: one["label"] for one in pages.photos()} == guesses
        back = until(pages, "/api/compare?a=1&b=0")
        assert back["differ"] == found["differ"]


@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_map_has_each_photo_once_within_its_square(served, project, monkeypatch, whole):
    """The whole way takes scikit-learn, which is slow to come; without it, the map is of the directions of most variance."""
    if not whole:
        monkeypatch.setattr("modiste.projects.mapping.find_spec", lambda _name: None)
    with served(project) as pages:
        said = until(pages, "/api/map", lambda one: one["ready"])
        guesses = {one["id"]: one["label"] for one in pages.photos()}  # None for the honest sample, of which nothing was said
    assert None in guesses.values()
    assert len(said["points"]) == len({photo for *_, photo in said["points"]}) == 17
    for x, y, code, photo in said["points"]:
        assert 0 <= x <= 1
        assert 0 <= y <= 1
        assert (None if code < 0 else said["classes"][code]) == guesses[photo]


def test_reports_lie_in_a_box_of_their_own(served, project, tmp_path):
    runs = tmp_path / "runs"
    for name in ("paper", "my study"):
        (runs / "studies" / name).mkdir(parents=True)
        (runs / "studies" / name / "report.html").write_text(f"<script>alert(1)</script>{name}")
    (runs / "studies" / "empty").mkdir()
    (tmp_path / "report.html").write_text("secret")
    with served(project, runs=runs, audit=tmp_path / "audit") as pages:
        assert {one["name"] for one in pages.get("/api/runs")["studies"]} == {"paper", "my study"}
        for name in ("paper", "my%20study"):
            answer = pages.ask("GET", f"/report/{name}")
            assert answer.status == 200
            assert "sandbox" in answer.headers["content-security-policy"]
            assert "script-src" not in answer.headers["content-security-policy"]
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert "allow-scripts" not in answer.headers["content-security-policy"]
        for name in ("empty", "..", "..%2f..", "nothing", "paper%2freport.html", "%2e%2e"):
            assert pages.ask("GET", f"/report/{name}").status == 404
        assert pages.get("/api/findings")["kinds"] == []
        assert pages.send("/api/export", {"format": "folders"}).status == 422  # nothing is labelled yet


def test_a_look_that_fails_says_why(served, project):
    photos = project.with_name("shop")
    with served(project) as pages:
        kept = pages.photos()
        photos.rename(photos.with_name("away"))
        pages.post("/api/look", {})
        ended = pages.settled()["last"]
        assert not ended["ok"]
        assert str(photos) in ended["words"]
        assert pages.photos() == kept
        assert pages.ask("GET", f"/photo/{kept[0]['id']}").status in (200, 404)


def test_a_decision_on_a_photo_of_which_the_network_knows_nothing_yet_is_told_to_come_again(served, tmp_path, colours, monkeypatch):
    import shops

    from modiste.projects.looked import Look

    monkeypatch.setattr(Look, "listed", lambda _look: time.sleep(1) or [])
    photos = shops.shop(tmp_path / "shop", 3)
    with served(project_at(photos, model=colours), settle=False) as pages:
        for path in ("/api/queue", "/api/grid", "/api/photos", "/api/photo/0", "/api/map", "/api/search?photo=0"):
            answer = pages.ask("GET", path)
            assert (answer.status, answer.plain["reason"], answer.headers["retry-after"]) == (503, "not_yet", "2")
        assert pages.send("/api/decisions", {"decisions": [pages.decision("0" * 16)]}).status == 503
        for page in PAGES:
            assert pages.ask("GET", page).status == 200
        assert pages.get("/api/state")["project"]["photos"] == 0


def test_where_the_first_look_fails_every_question_says_why_until_it_is_mended(served, tmp_path, colours):
    import shops

    shops.shop(tmp_path, 3)
    table = tmp_path / "products.csv"
    table.write_text("image,title\n000-Red.png,One\n001-Green.png,Two,three\n")
    with served(project_at(table, model=colours)) as pages:
        told = pages.get("/api/state")
        assert not told["last"]["ok"]
        assert "has 3 cells, the header has 2" in told["trouble"]
        for path in (
            "/api/queue",
            "/api/grid",
            "/api/photos",
            "/api/photo/0",
            "/photo/0",
            "/api/map",
            "/api/search?photo=0",
            "/api/compare",
        ):
            answer = pages.ask("GET", path)
            assert (answer.status, answer.plain["reason"], "retry-after" in answer.headers) == (503, "not_looked", False), path
            assert "has 3 cells" in answer.plain["error"]
            assert "Look again" in answer.plain["error"]
        assert pages.send("/api/decisions", {"decisions": [pages.decision("0" * 16)]}).plain["reason"] == "not_looked"
        table.write_text("image,title\n000-Red.png,One\n001-Green.png,Two\n")
        assert pages.post("/api/look", {})["started"]
        assert pages.settled()["trouble"] is None
        assert len(pages.photos()) == 2


def test_a_precision_that_is_none_is_refused_before_a_page_is_there(served, project):
    with pytest.raises(UsageError, match=r"precision = 95: a share"), served(project, settle=False, precision=95) as pages:
        assert not pages.address


def test_where_a_first_look_was_stopped_nothing_is_said_to_be_broken():
    def stopped(_tell, _stop):
        raise Stopped("it was asked to stop.", 0)

    jobs = Jobs(lambda: None, print)
    jobs.add("look", stopped)
    jobs.queue.put(None)
    jobs.thread.join(20)
    with pytest.raises(Refused, match=r"first look at the photos was stopped\. Press Look again") as told:
        found_of(SimpleNamespace(found=None), jobs)
    assert "mended" not in str(told.value)
    assert told.value.reason == "not_looked"


def fails(*_given):
    raise ModisteError("the disk is away.")


def stops(*_given):
    raise Stopped("it was asked to stop.", 0)


@pytest.mark.parametrize(("work", "words"), [(fails, "the disk is away."), (stops, "It was stopped.")])
@pytest.mark.parametrize(
    ("path", "begins"),
    [("/api/compare?a=0&b=1", "modiste.projects.studio.Studio.look_with"), ("/api/map?", "modiste.web.pages.looking.mapped")],
)
def test_work_that_failed_or_was_stopped_is_told_to_whoever_waits_and_not_begun_again(
    served, project, monkeypatch, path, begins, work, words
):
    import shops

    with opened(project) as one:
        other = shops.network(one.folder / "models" / "1.onnx", (1, 0, 2))
        one.write_models(one.models().with_model(Model(1, read_bundle(other).id, "models/1.onnx")))
    done = []
    monkeypatch.setattr(begins, lambda *given: done.append(1) or work(*given))
    with served(project) as pages:
        pages.ask("GET", path)
        pages.settled()
        for _ in range(3):
            told = pages.ask("GET", f"{path}&again=true")
            assert (told.status, words in told.plain["error"], len(done)) == (422, True, 1)
        pages.ask("GET", path)  # whoever asks anew begins it anew
        pages.settled()
        assert len(done) == 2


def test_the_pages_say_where_they_ask_again():
    static = Path(looking.__file__).with_name("static")
    assert "asked = { ...parameters, again: true }" in (static / "api.js").read_text()
    assert 'get("/api/map", { again: again || null })' in (static / "look.js").read_text()
