"""The server finds what the index finds, for whoever sends a photo."""

import json

import pytest

from modiste.data.opening.refusals import PhotoRefused
from modiste.searching.index import index
from modiste.web.client import Client, ServerRefused
from modiste.web.limits import Limits


@pytest.fixture(scope="module")
def found(tiny, drawn_folder, tmp_path_factory):
    return index(drawn_folder, tmp_path_factory.mktemp("index") / "drawn.index", model=tiny)


@pytest.fixture(scope="module")
def finder(served, found):
    with served(index=found) as there:
        yield there


def test_the_server_finds_what_the_index_finds(finder, found, drawn):
    client = Client(finder.address)
    for photo in drawn.photos[:6]:
        data = (drawn.root / photo.path).read_bytes()
        assert client.search(data, 5) == found.search(data, 5)
        assert client.search(data, 3, found.labeller.classes.names[1]) == found.search(data, 3, found.labeller.classes.names[1])


def test_what_is_no_photo_or_no_class_is_refused_in_words(finder, drawn):
    client, data = Client(finder.address), (drawn.root / drawn.photos[0].path).read_bytes()
    with pytest.raises(ServerRefused, match=r"415, not_a_photo.*not_an_image: its content is no picture\. Leave it out"):
        client.search(b"no photo")
    with pytest.raises(ServerRefused, match=r"422, bad_parameter.*no class called 'Hats'"):
        client.search(data, label="Hats")
    with pytest.raises(ServerRefused, match="422, bad_parameter"):
        client.search(data, 0)
    with pytest.raises(PhotoRefused):
        client.search("nowhere.jpg")


def test_one_photo_a_request_and_no_parameters_of_others(finder, photos, form):
    body, kind = form([(path.name, path.read_bytes()) for path in photos[:2]])
    assert finder.ask("POST", "/v1/search", body, Content_Type=kind).status == 413
    assert finder.ask("POST", "/v1/search?precision=0.9", body, Content_Type=kind).status == 422


def test_a_server_without_an_index_has_no_such_path(server, finder):
    answer = server.ask("POST", "/v1/search", b"x", Content_Type="image/jpeg")
    assert (answer.status, answer.plain["reason"]) == (404, "not_found")
    assert "--index" in answer.plain["error"]
    assert "/v1/search" not in json.dumps(server.ask("GET", "/openapi.json").plain["paths"])
    assert "/v1/search" in finder.ask("GET", "/openapi.json").plain["paths"]


def test_a_photo_as_large_as_one_may_be_is_searched_for_as_it_is_labelled(served, found, drawn, form):
    data = (drawn.root / drawn.photos[0].path).read_bytes()
    with served(index=found, limits=Limits(photo_bytes=len(data), request_bytes=3 * len(data))) as there:
        for path in ("/v1/label", "/v1/search"):
            body, kind = form([("1.jpg", data)])
            assert there.ask("POST", path, body, Content_Type=kind).status == 200
            assert there.ask("POST", path, data, Content_Type="image/jpeg").status == 200
        larger, kind = form([("1.jpg", data + b"x")])
        answer = there.ask("POST", "/v1/search", larger, Content_Type=kind)
        assert (answer.status, answer.plain["reason"]) == (413, "too_big")
        client = Client(there.address)
        assert client.search(data, 3) == found.search(data, 3)
        with pytest.raises(PhotoRefused, match="file_too_big"):
            client.search(data + b"x")


def test_a_search_is_no_label_in_the_metrics(finder, drawn):
    Client(finder.address).search(drawn.root / drawn.photos[0].path)
    counted = finder.ask("GET", "/metrics").text
    assert b'path="/v1/search",method="POST",status="200"' in counted
    assert b"modiste_label_seconds_count 0" in counted


def test_an_index_that_is_damaged_under_a_server_is_503_in_words(served, tiny, drawn_folder, drawn, tmp_path, capfd):
    made, data = index(drawn_folder, tmp_path / "drawn.index", model=tiny), (drawn.root / drawn.photos[0].path).read_bytes()
    (vectors,) = (tmp_path / "drawn.index").glob("vectors-*")
    with served(index=index(drawn_folder, tmp_path / "drawn.index", model=tiny, as_it_is=True)) as there:
        whole = vectors.read_bytes()
        with vectors.open("r+b") as file:
            file.write(bytes([whole[0] ^ 1]))
        answer = there.ask("POST", "/v1/search", data, Content_Type="image/jpeg")
        assert (answer.status, answer.plain["reason"]) == (503, "machine")
        assert "index of this server is damaged" in answer.plain["error"]
        assert int(answer.headers["retry-after"]) == 60
        assert vectors.name in capfd.readouterr().err
        with vectors.open("r+b") as file:
            file.write(whole[:1])
        assert Client(there.address).search(data, 3) == made.search(data, 3)
