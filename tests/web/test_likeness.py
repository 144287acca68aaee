"""The server finds what the index finds, for whoever sends a photo."""

import json

import pytest

from modiste.data.opening.refusals import PhotoRefused
from modiste.searching.index import index
from modiste.web.client import Client, ServerRefused


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
    with pytest.raises(ServerRefused, match="415, not_a_photo"):
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
