"""What is said of photos: saved once, taken back whole, exported as it was said; names are data."""

import asyncio
import hashlib
import json
import os
import threading
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest

from modiste.projects.project import Model, project_at
from modiste.web.door import Door
from modiste.web.limits import Limits, Refused
from modiste.web.pages import deciding, talking
from modiste.web.pages.deciding import decisions_of
from modiste.web.pages.talking import TOKEN_COOKIE


def test_what_is_saved_is_shown(pages):
    photo = pages.id_of("000-Red.png")
    sent = pages.decision(photo, "Blue", seconds=1.5, suggested="Red", confidence=0.75)
    answer = pages.say(sent)
    assert answer["saved"] == [sent["id"]]
    shown = pages.get(f"/api/photo/{photo}")
    assert (shown["said"]["id"], shown["said"]["label"], shown["said"]["who"], shown["settled"]) == (sent["id"], "Blue", "ada", "Blue")
    assert answer["counts"]["labelled"] == 1
    assert answer["counts"]["classes"] == {"Red": 0, "Green": 0, "Blue": 1}
    assert answer["version"] <= pages.get("/api/state")["version"]
    assert pages.get(f"/api/photo/{photo}", "bob")["said"] is None
    assert pages.get(f"/api/photo/{photo}", "bob")["others"][0]["label"] == "Blue"


def test_the_same_decision_sent_twice_counts_once_and_another_of_its_id_is_refused(pages):
    one, two = (pages.id_of(name) for name in ("000-Red.png", "001-Green.png"))
    sent = pages.decision(one, "Blue")
    first = pages.say(sent)
    assert pages.say(sent, sent)["saved"] == [sent["id"]] * 2
    assert pages.get("/api/state")["counts"] == first["counts"]
    for change in ({"label": "Red"}, {"photo": two}, {"kind": "unsure", "label": None}):
        refused = pages.send("/api/decisions", {"decisions": [pages.decision(two, "Green"), {**sent, **change}]})
        assert refused.status == 422
        assert "saved before" in refused.plain["error"]
        assert pages.get("/api/state")["counts"] == first["counts"]  # all or none
    assert pages.send("/api/decisions", {"decisions": [sent]}, "bob").status == 422


def test_undo_goes_back_all_the_way_and_everything_is_as_it_was(pages):
    photos = [one["id"] for one in pages.photos()]
    states = [pages.everything()]
    steps = [
        [pages.decision(photos[0], "Blue")],
        [pages.decision(photos[0], "Red")],
        [pages.decision(photo, "Green", batch="b1", how="grid") for photo in photos[1:6]],
        [pages.decision(photos[2], None)],
        [pages.decision(pages.id_of("copy1.png"), "Red")],
        [pages.decision(pages.id_of("broken.jpg"), None, kind="bad")],
        [pages.decision(photos[1], "Blue", batch="b2"), pages.decision(pages.id_of("copy2.png"), "Green", batch="b2")],
    ]
    for step in steps:
        pages.say(*step)
        states.append(pages.everything())
    pages.say(pages.decision(photos[7], "Red"), who="bob")
    bob = pages.get(f"/api/photo/{photos[7]}", "bob")["said"]
    for step, before in zip(reversed(steps), reversed(states[:-1]), strict=True):
        gone = pages.post("/api/undo", {})
        assert {one["id"] for one in step} <= set(gone["undone"])
        assert {one["id"] for one in gone["photos"]} >= {one["photo"] for one in step}
        now = pages.everything()
        for photo, shown in now["photos"].items():
            if photo != photos[7]:
                assert {**shown, "neighbours": []} == {**before["photos"][photo], "neighbours": []}  # bob's photo is among them
    assert pages.post("/api/undo", {})["undone"] == []
    assert pages.get(f"/api/photo/{photos[7]}", "bob")["said"] == bob
    pages.post("/api/undo", {}, "bob")
    assert pages.everything() == states[0]


def test_an_undo_that_is_sent_twice_is_one(pages):
    photos = [one["id"] for one in pages.photos()]
    for photo in photos[:3]:
        pages.say(pages.decision(photo))
    first = pages.post("/api/undo", {"id": "u1"})
    assert pages.post("/api/undo", {"id": "u1"})["undone"] == first["undone"]
    assert pages.get("/api/state")["counts"]["labelled"] == 2
    assert pages.post("/api/undo", {"id": "u2"})["undone"] != first["undone"]


def test_copies_are_labelled_together_and_taken_back_together(pages):
    copies = {pages.id_of(f"copy{number}.png") for number in (1, 2, 3)}
    one = pages.id_of("copy2.png")
    assert {copy["id"] for copy in pages.get(f"/api/photo/{one}")["copies"]} == copies - {one}
    sent = pages.decision(one, "Green")
    assert pages.say(sent)["counts"]["labelled"] == 3
    assert {pages.get(f"/api/photo/{copy}")["settled"] for copy in copies} == {"Green"}
    pages.say(sent)
    assert pages.get("/api/state")["counts"]["labelled"] == 3
    gone = pages.post("/api/undo", {})
    assert {photo["id"] for photo in gone["photos"]} == copies
    assert gone["words"] == "Taken back."  # one thing was said
    assert {pages.get(f"/api/photo/{copy}")["said"] for copy in copies} == {None}


def test_a_copy_that_comes_later_does_not_make_the_same_decision_another(pages, project):
    photo, sent = pages.id_of("000-Red.png"), None
    sent = pages.decision(photo, "Blue")
    pages.say(sent)
    shop = project.with_name("shop")
    (shop / "another.png").write_bytes((shop / "000-Red.png").read_bytes())
    pages.post("/api/look", {})
    pages.settled()
    assert pages.get(f"/api/photo/{photo}")["copies"]
    assert pages.say(sent)["saved"] == [sent["id"]]


def test_many_threads_that_save_at_once_lose_nothing(pages):
    photos = [one["id"] for one in pages.photos() if not one["name"].startswith("copy")]
    people, failed = [f"person {number}" for number in range(8)], []

    def work(who, number):
        try:
            for turn in range(12):
                photo = photos[(number + turn) % len(photos)]
                sent = {"id": f"{number}-{turn}", "photo": photo, "kind": "label", "label": "Red", "how": "single"}
                assert pages.say(sent, who=who)["saved"] == [sent["id"]]
                if turn % 4 == 3:
                    assert pages.post("/api/undo", {}, who)["undone"] == [sent["id"]]
                pages.get("/api/queue?n=5", who)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(who, number)) for number, who in enumerate(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    log = [json.loads(line) for line in pages.ask("GET", "/api/export?format=log").text.splitlines()]
    assert len([one for one in log if "photo" in one]) == 8 * 12
    for number, who in enumerate(people):
        kept = [one["id"] for one in log if one.get("who") == who and "photo" in one]
        assert kept == [f"{number}-{turn}" for turn in range(12)]
        said = {one["id"] for one in pages.photos(who=who) if one["said"]}
        assert said == {photos[(number + turn) % len(photos)] for turn in range(12) if turn % 4 != 3}


def test_a_request_that_is_wrong_saves_nothing(pages):
    photos = [one["id"] for one in pages.photos()]
    good = [pages.decision(photo) for photo in photos[:3]]
    before = pages.everything()
    for wrong in (
        pages.decision(photos[4], "Purple"),
        {**pages.decision("0" * 16), "id": None},
        {**pages.decision("0" * 16), "id": ["x"]},
        pages.decision(photos[4], how="magic"),
        pages.decision(photos[4], "Red", kind="unsure"),
        {**pages.decision(photos[4]), "who": "bob"},
        {**pages.decision(photos[4]), "id": "../../etc"},
        {**pages.decision(photos[4]), "id": None},
        None,
        [],
        {},
    ):
        refused = pages.send("/api/decisions", {"decisions": [*good, wrong]})
        assert 400 <= refused.status < 500, wrong
        assert set(refused.plain) == {"error", "reason"}
        assert pages.everything() == before
    for wrong in ([], None, {}, [pages.decision(photos[0])] * 5001):
        assert pages.send("/api/decisions", {"decisions": wrong}).status == 422
    pages.say(*good)  # the control


def test_a_photo_that_is_gone_or_another_by_now_is_left_out_and_the_others_are_saved(pages):
    photos = [one["id"] for one in pages.photos()]
    good = [pages.decision(photo, batch="b") for photo in photos[:3]]
    gone, other = pages.decision("0" * 16, batch="b"), pages.decision(photos[4], batch="b", sha="0" * 8)
    answer = pages.say(good[0], gone, good[1], other, good[2])
    assert answer["saved"] == [one["id"] for one in good]
    assert [(one["id"], one["reason"]) for one in answer["left"]] == [(gone["id"], "not_found"), (other["id"], "replaced")]
    assert "was replaced" in answer["left"][1]["error"]
    assert {one["id"] for one in pages.photos() if one["said"]} == set(photos[:3])
    assert pages.say(gone)["saved"] == []
    assert len(pages.post("/api/undo", {})["undone"]) == 3


def test_who_one_is_is_kept_in_a_cookie_that_no_script_and_no_other_site_gets(pages):
    answer = pages.send("/api/who", {"who": "  Zoë   Müller "})
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    back = pages.ask("GET", "/api/state", Cookie=cookie.partition(";")[0]).plain
    assert back["who"] == "Zoë Müller"
    for wrong in ("", " ", "a\u202eb", "x" * 81, None, 7, ["ada"]):
        assert 400 <= pages.send("/api/who", {"who": wrong}).status < 500
    for odd in ("zz", "ff", "", "00", "e280ae", "20", "41" * 500, '"'):
        said = pages.ask("GET", "/api/state", Cookie=f"modiste_who={odd}")
        assert said.status == 200


def test_a_decision_is_of_whom_its_page_names(pages):
    photo = pages.id_of("000-Red.png")
    pages.post("/api/decisions", {"decisions": [pages.decision(photo)], "who": "berta"})  # the cookie says ada
    assert [one["who"] for one in pages.get(f"/api/photo/{photo}")["others"]] == ["berta"]
    assert pages.post("/api/undo", {})["undone"] == []
    assert len(pages.post("/api/undo", {"who": "berta"})["undone"]) == 1
    for wrong in ("a\u202eb", "x" * 81, 7, ["ada"]):
        assert 400 <= pages.send("/api/decisions", {"decisions": [pages.decision(photo)], "who": wrong}).status < 500


@pytest.mark.parametrize(
    ("waiting", "whole", "reason"), [((), True, "not_found"), (("later.png",), True, "not_yet"), ((), False, "not_yet")]
)
def test_a_decision_on_a_photo_that_is_still_to_be_looked_at_is_told_to_come_again(tmp_path, colours, waiting, whole, reason):
    """A network that was put in use before it was asked about all photos knows the first of them; the decision is not given up for that."""
    import shops

    sent = {"id": "d", "photo": "0" * 16, "kind": "label", "label": "Red", "how": "single"}
    with shops.open_studio(shops.shop(tmp_path / "shop", 6), model=colours) as made:
        found = replace(made.found, looked=replace(made.found.looked, waiting=waiting))
        with pytest.raises(Refused) as refused:
            decisions_of(made, found, sent, "ada", whole)
    assert refused.value.reason == reason


def test_what_was_said_of_other_bytes_than_those_of_now_is_refused(pages, project):
    """The page was open while the photo was replaced: nobody has seen what is there now."""
    photo, shop = pages.id_of("000-Red.png"), project.with_name("shop")
    shown = pages.get(f"/api/photo/{photo}")
    saved = pages.decision(photo, "Red", sha=shown["sha"], model=shown["model"])
    pages.say(saved)
    (shop / "000-Red.png").write_bytes((shop / "001-Green.png").read_bytes())
    pages.post("/api/look", {})
    pages.settled()
    before = pages.everything()
    answer = pages.say(pages.decision(photo, "Blue", sha=shown["sha"]))
    (refused,) = answer["left"]
    assert (answer["saved"], refused["reason"]) == ([], "replaced")
    assert "000-Red.png was replaced" in refused["error"]
    assert pages.say(saved)["saved"] == [saved["id"]]  # it is on the disk: an answer that was lost is given again
    assert pages.everything() == before
    assert pages.get(f"/api/photo/{pages.id_of('001-Green.png')}")["said"] is None
    pages.say(pages.decision(photo, "Green", sha=pages.get(f"/api/photo/{photo}")["sha"]))  # the control
    for wrong in ("0", shown["sha"][:7], 7, "x" * 65):
        assert pages.send("/api/decisions", {"decisions": [pages.decision(photo, sha=wrong)]}).status == 422


def test_a_suggestion_is_of_the_network_that_made_it(tmp_path, colours):
    """Another network was put in use while the page was open."""
    import shops

    sent = {"id": "d", "kind": "label", "label": "Red", "how": "single", "suggested": "Red", "confidence": 0.9}
    with shops.open_studio(shops.shop(tmp_path / "shop", 6), model=colours) as made:
        sent, first = {**sent, "photo": made.found.ids[0]}, made.model.id
        made.models = replace(made.models.with_model(Model(1, "1-other", "models/1.onnx")), in_use=1)
        for said, kept in ((first, first), ("1-other", "1-other"), (None, "1-other")):
            assert [one.model for one in decisions_of(made, made.found, {**sent, "model": said}, "ada")] == [kept]
        with pytest.raises(Refused, match="network of this project"):
            decisions_of(made, made.found, {**sent, "model": "of elsewhere"}, "ada")


def test_an_undo_tells_of_the_last_photos_and_of_how_many_more(pages, monkeypatch):
    monkeypatch.setattr(deciding, "MOST_TAKEN_BACK", 5)
    names = [f"{number:03d}-{colour}.png" for number, colour in zip(range(12), ["Red", "Green", "Blue"] * 4, strict=True)]
    table = "photo,label\n" + "".join(f"{name},Red\n" for name in names)
    assert send_file(pages, "labels.csv", table.encode()).plain["taken"] == 12
    gone = pages.post("/api/undo", {}, "bob")
    assert [photo["name"] for photo in gone["photos"]] == names[:-6:-1]
    assert (len(gone["undone"]), gone["rest"], gone["words"]) == (12, 7, "Taken back: 12 decisions.")
    assert pages.get("/api/state")["counts"]["labelled"] == 0


def test_an_answer_that_takes_a_while_is_written_where_it_holds_up_nobody(monkeypatch):
    threads = []
    monkeypatch.setattr(talking, "plain", lambda value: threads.append(threading.current_thread()) or value)
    made = asyncio.run(talking.answered(dict, a=1))
    assert made.body == b'{"a":1}'
    assert threads != [threading.current_thread()]
    assert len(threads) == 1


def test_names_are_data_in_json_pages_and_csv_and_come_back_byte_for_byte(served, tmp_path, colours, odd_names):
    import shops

    photos = shops.fill(tmp_path / "shop", odd_names)
    with served(project_at(photos, model=colours)) as pages:
        names = {one["name"] for one in pages.photos()}
        assert {shown for shown in odd_names.values() if shown is not None} <= names
        assert len(names) == len(odd_names)
        labels = {}
        for number, one in enumerate(pages.photos()):
            label = ["Red", "Green", "Blue"][number % 3]
            labels[one["name"]] = label
            pages.say(pages.decision(one["id"], label))
            assert pages.ask("GET", f"/photo/{one['id']}?side=160").headers["content-type"] == "image/jpeg"
            assert pages.get(f"/api/photo/{one['id']}")["name"] == one["name"]
        table = pages.ask("GET", "/api/export?format=labels.csv")
        assert table.headers["content-disposition"] == 'attachment; filename="labels.csv"'
        assert b"\n=cmd" not in table.text
        assert b"caf\xe9\xff.png" in table.text
        for page in ("/", "/annotate"):
            text = pages.ask("GET", page).text
            assert b"<script>alert" not in text
            assert b"<img src=x" not in text
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "labels.csv").write_bytes(table.text)
    with served(project_at(tmp_path / "other.project", photos=photos, model=colours)) as pages:
        taken = pages.post("/api/import", {"path": str(tmp_path / "taken" / "labels.csv")}, "bob")
        assert (taken["taken"], taken["unknown"]) == (len(odd_names), 0)
        assert {one["name"]: one["settled"] for one in pages.photos()} == labels
        again = pages.post("/api/import", {"path": str(tmp_path / "taken" / "labels.csv")}, "bob")
        assert (again["taken"], again["same"]) == (0, len(odd_names))
        assert len(pages.post("/api/undo", {}, "bob")["undone"]) == len(odd_names)  # an import is taken back whole
        log = pages.ask("GET", "/api/export?format=log").text.splitlines()
        paths = {os.fsencode(json.loads(line)["photo"]) for line in log if "photo" in json.loads(line)}
        assert paths == {os.fsencode(name) for name in odd_names}


def send_file(pages, name, data, who="bob", kind="application/octet-stream"):
    return pages.ask("POST", f"/api/import/file?{urlencode({'name': name})}", data, Content_Type=kind, **pages.cookie(who))


def test_a_table_that_is_sent_says_what_it_says_where_it_came_from(pages):
    chosen = {one["id"]: ["Red", "Green", "Blue"][number % 3] for number, one in enumerate(pages.photos())}
    pages.say(*(pages.decision(photo, label, batch="all") for photo, label in chosen.items()))
    labels = {one["name"]: one["settled"] for one in pages.photos()}
    assert len(set(labels.values())) == 3
    table = pages.ask("GET", "/api/export?format=labels.csv").text
    pages.post("/api/undo", {})
    assert not any(one["settled"] for one in pages.photos())
    assert send_file(pages, "C:\\fakepath\\labels.CSV", table).plain["taken"] == len(labels)
    assert {one["name"]: one["settled"] for one in pages.photos()} == labels
    assert send_file(pages, "labels.csv", table).plain["same"] == len(labels)
    assert len(pages.post("/api/undo", {}, "bob")["undone"]) == len(labels)
    other = "".join(json.dumps({"file_name": f"elsewhere/{name}", "class": label}) + "\n" for name, label in labels.items())
    assert send_file(pages, "x.jsonl", other.encode()).plain["taken"] == len(labels)
    assert {one["name"]: one["settled"] for one in pages.photos()} == labels


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("labels.csv", b"photo,label\n{},Rde\n", "labels.csv, row 1: 'Rde' is no class. There are: Red, Green, Blue. Did you mean 'Red'?"),
        ("labels.csv", b"photo,label\nnowhere.png,Red\n", "labels.csv labels 1 photos, none of which is in this project: 'nowhere.png'"),
        ("labels.csv", b"photo,label\n{},Red\n{},Blue\n", "labels.csv, row 2: '000-Red.png' stands there twice"),
        ("labels.csv", b"colour,size\n1,2\n", "labels.csv has no column that names photos"),
        ("labels.csv", b"", "labels.csv"),
        ("labels.csv", "photo,label\n".encode("utf-16"), "labels.csv"),
        ("labels.parquet", b"no parquet", "labels.parquet"),
        ("<img src=x>.png", b"photo,label\n", "<img src=x>.png is no table: send a file of .csv"),
        ("../../labels", b"photo,label\n", "../../labels is no table"),
        ("", b"photo,label\n", "is no table"),
    ],
)
def test_a_file_that_cannot_be_taken_in_is_refused_under_its_own_name_and_nothing_of_it_is(shared, name, data, words):
    before = shared.get("/api/state")["counts"]
    answer = send_file(shared, name, data.replace(b"{}", b"000-Red.png"))
    assert 400 <= answer.status < 500
    assert words in answer.plain["error"]
    assert "/tmp" not in answer.plain["error"]
    assert shared.get("/api/state")["counts"] == before


def test_a_table_larger_than_a_request_may_be_is_to_be_named_by_its_path(project, served):
    with served(project, limits=Limits(photo_bytes=1000, request_bytes=1000)) as pages:
        answer = send_file(pages, "labels.csv", b"photo,label\n" + b"000-Red.png,Red\n" * 100)
        assert (answer.status, answer.plain["reason"]) == (413, "too_big")
        assert "by its path" in answer.plain["error"]


def test_a_form_of_another_site_cannot_send_labels(shared):
    for kind in ("text/plain", "multipart/form-data; boundary=x", ""):
        assert send_file(shared, "labels.csv", b"photo,label\n", kind=kind).status == 415


@pytest.mark.parametrize("path", ["/no/where", "~nobody-of-this-name/labels.csv", "", None, 7, "a\0b", "\ud800", "x" * 5000, ".."])
def test_labels_that_cannot_be_taken_in_are_refused_in_words(shared, path):
    answer = shared.send("/api/import", {"path": path})
    assert 400 <= answer.status < 500
    assert set(answer.plain) == {"error", "reason"}


def test_what_two_people_say_is_compared(pages):
    photos = [one["id"] for one in pages.photos() if not one["name"].startswith("copy")]
    for number, photo in enumerate(photos[:10]):
        pages.say(pages.decision(photo, "Red"))
        pages.say(pages.decision(photo, "Red" if number else "Blue"), who="bob")
    said = pages.get("/api/agreement")
    assert said["conflicts"] == 1
    (pair,) = said["pairs"]
    assert ({pair["a"], pair["b"]}, pair["photos"]) == ({"ada", "bob"}, 10)
    assert [one["id"] for one in pages.photos("&said=conflict")] == [photos[0]]


def test_of_a_file_that_holds_no_labels_nothing_is_told(shared, tmp_path):
    (tmp_path / "secret").mkdir()
    for name in ("notes.txt", "notes.csv", "notes.json", "id_rsa", "secret/notes.tsv"):
        (tmp_path / name).write_text('the key is "4711, and so on\n')
    for path in (*tmp_path.glob("*"), "/etc/passwd", "/dev/zero"):
        answer = shared.send("/api/import", {"path": str(path)})
        assert answer.status == 422
        assert answer.plain["error"].startswith(f"{path} holds no labels"), answer.plain


def test_a_batch_is_cut_by_the_page_only_where_no_request_holds_it():
    script = Path(deciding.__file__).with_name("static") / "saving.js"
    assert f"const MOST = {deciding.MOST_DECISIONS};" in script.read_text()
    assert "first += MOST) waiting.push(made.slice(first, first + MOST))" in script.read_text()


def test_folders_without_end_are_not_gone_through(shared, tmp_path, monkeypatch):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "more").mkdir()
    monkeypatch.setattr("modiste.projects.exchange.WALK_SECONDS", -1)
    assert "Name the file or folder of labels itself" in shared.send("/api/import", {"path": str(tmp_path)}).plain["error"]


def test_where_others_reach_the_server_no_path_of_its_is_opened(project, served, tmp_path):
    (tmp_path / "labels.csv").write_text("photo,label\n000-Red.png,Red\n")
    door = Door("0.0.0.0", token=hashlib.sha256(b"a-token-of-the-tests").digest(), cookie=TOKEN_COOKIE)
    with served(project, door=door, settle=False) as pages:
        asked = {"Authorization": "Bearer a-token-of-the-tests"}
        answer = pages.ask(
            "POST", "/api/import", json.dumps({"path": str(tmp_path / "labels.csv")}).encode(), Content_Type="application/json", **asked
        )
        assert answer.status == 422
        assert "Choose the file" in answer.plain["error"]
        sent = pages.ask("POST", "/api/import/file?name=labels.zip", b"PK", Content_Type="application/octet-stream", **asked)
        assert sent.status == 422
        assert sent.plain["error"].startswith("labels.zip is no table: send a file of .csv")
        assert "path" not in sent.plain["error"]
        assert b"import-path" not in pages.ask("GET", "/", **asked).text
