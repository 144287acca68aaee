"""Too much, too slow, too many: refused in words, and the next request is answered as if nothing had been."""

import math
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress

import pytest

from modiste.records.errors import MachineError, Stopped, UsageError
from modiste.web import client
from modiste.web.client import Client, ServerRefused
from modiste.web.desk import Desk
from modiste.web.limits import Limits

HEAD = b"POST /v1/label HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"queue": 0}, "queue = 0"),
        ({"photos": 65}, "--photos, --queue"),
        ({"photo_bytes": 65_000_000}, "65 MB, 64 MB, 512 MB.*--photo-mb, --request-mb"),
        ({"body_seconds": -1}, "body_seconds = -1"),
        ({"held_bytes": 1}, "--held-mb"),
        *(({name: value}, f"{name} = {value}") for name in ("header_seconds", "stop_seconds") for value in (math.inf, math.nan)),
    ],
)
def test_limits_that_cannot_be_kept_are_refused_with_what_was_given(limits, words):
    with pytest.raises(UsageError, match=words):
        Limits(**limits)


def test_too_large_and_too_many_are_refused_and_the_next_is_answered(small, photos, form):
    good = photos[0].read_bytes()
    body, kind = form([("1", good)] * 4)
    assert small.label(body, Content_Type=kind).plain["reason"] == "too_many_photos"
    assert (small.label(bytes(100_001)).status, small.label(bytes(5_000_000)).status) == (413, 413)
    assert small.label(bytes(100_001)).plain["error"] == "a request like this may have 0.1 MB. Export the photo smaller."
    body, kind = form([("1", bytes(90_000)), ("2", bytes(90_000))])
    assert small.label(body, Content_Type=kind).plain["reason"] == "too_big"
    body, kind = form([("1", bytes(110_000)), ("2", good)])
    big = small.label(body, Content_Type=kind).plain["photos"][0]
    assert big["reason"] == "file_too_big"
    assert big["words"] == "this server takes 0.1 MB of one photo. Export the photo smaller."
    assert small.label(good).plain["photos"][0]["label"]


@pytest.mark.parametrize(
    "query, headers, status",
    [
        ("?precision=1", {}, 422),
        ("?precision=0.9&precision=0.8", {}, 422),
        ("?precision=0", {}, 422),
        ("?precision=1e-300", {}, 422),
        ("?precision=nan", {}, 422),
        ("?precision=much", {}, 422),
        ("?size=3", {}, 422),
        ("", {"Content_Type": "text/plain"}, 415),
        ("", {"Content_Type": ""}, 415),
        ("", {"Content_Type": "application/x-www-form-urlencoded"}, 415),
        ("", {"Content_Encoding": "gzip"}, 415),
        ("", {"Content_Type": "multipart/form-data"}, 400),
        ("", {"Content_Type": "multipart/form-data; boundary=" + "b" * 71}, 400),
        ("", {"Content_Type": "multipart/form-data; boundary=ü"}, 400),
    ],
)
def test_requests_that_mean_nothing_are_refused_in_words(small, photos, query, headers, status):
    answer = small.label(photos[0].read_bytes(), query, **headers)
    assert answer.status == status
    assert answer.plain["error"]
    assert "Traceback" not in answer.text.decode()


@pytest.mark.parametrize("precision", ["0.01", "0.9999999999999999", "0.5"])
def test_every_share_may_be_asked_for(small, photos, precision):
    assert small.label(photos[0].read_bytes(), f"?precision={precision}").status == 200


def test_a_body_that_is_cut_is_forgotten(small, photos):
    for sent in (HEAD % 5000, HEAD % 5000 + b"x" * 4999):
        small.raw(sent).close()
    assert small.label(photos[0].read_bytes()).status == 200


def test_a_body_that_drips_is_refused_at_the_deadline_however_its_bytes_come(small, until_end):
    connection, begun = small.raw(HEAD % 5000), time.monotonic()

    def drip():
        try:
            while time.monotonic() < begun + 10:
                connection.sendall(b"x")
                time.sleep(0.05)
        except OSError:
            pass

    thread = threading.Thread(target=drip)
    thread.start()
    answer = until_end(connection)
    took = time.monotonic() - begun
    thread.join()
    assert b" 408 " in answer.split(b"\r\n")[0]
    assert 0.9 < took < 6


@pytest.mark.parametrize("head", [b"", b"POST /v1/label HTTP/1.1\r\nHost: loc", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /he"])
def test_headers_that_drip_end_the_connection_at_the_deadline(small, until_end, head):
    connection, begun = small.raw(head), time.monotonic()
    for _ in range(6):
        time.sleep(0.1)
        try:
            connection.sendall(b"a")
        except OSError:
            break
    until_end(connection)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    "sent",
    [
        b"garbage\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        b"GET /" + b"a" * 400_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /v1/label HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/label HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /v1/label HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ],
)
def test_what_is_no_request_is_told_so_in_json_and_the_connection_ends(small, until_end, sent):
    answer = until_end(small.raw(sent))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"reason": "bad_request"' in answer
    assert b"nosniff" in answer


def test_where_connections_are_full_the_one_that_waits_longest_makes_room(served, photos):
    with served(limits=Limits(connections=5, header_seconds=30)) as server:
        idle = [server.raw(b"") for _ in range(20)]
        time.sleep(1.2)  # so long each may take to say what it wants
        assert server.label(photos[0].read_bytes()).status == 200
        for one in idle:
            one.close()


def test_overload_is_503_with_retry_after_alone_and_then_all_is_well(served, photos, hold):
    data, answers = photos[0].read_bytes(), []
    with served(limits=Limits(queue=4, photos=4)) as server:
        threads = [threading.Thread(target=lambda: answers.append(server.label(data))) for _ in range(20)]
        for thread in threads:
            thread.start()
        until = time.monotonic() + 20
        while len(answers) < 16 and time.monotonic() < until:
            time.sleep(0.01)
        assert [answer.status for answer in answers] == [503] * 16
        assert all(int(answer.headers["retry-after"]) >= 1 and answer.plain["reason"] == "busy" for answer in answers)
        hold.set()
        for thread in threads:
            thread.join()
        assert [answer.status for answer in answers[16:]] == [200] * 4
        assert server.label(data).status == 200


def test_photos_whose_sender_has_gone_leave_the_queue(served, photos, hold):
    data = photos[0].read_bytes()
    with served(limits=Limits(queue=4, photos=4), threads=1) as server:
        gone = [server.raw(HEAD % len(data) + data) for _ in range(4)]
        until = time.monotonic() + 10
        while b"modiste_queue_photos 4\n" not in server.ask("GET", "/metrics").text and time.monotonic() < until:
            time.sleep(0.01)
        assert server.label(data).status == 503
        for one in gone[1:]:
            one.close()
        hold.set()
        assert Client(server.address).label(data)[0].label
        gone[0].close()


def test_memory_for_bodies_is_lent_out_and_comes_back(served, photos):
    with served(limits=Limits(photo_bytes=60_000, request_bytes=60_000, held_bytes=100_000, body_seconds=2)) as server:
        half = [server.raw(HEAD % 60_000 + bytes(45_000)) for _ in range(2)]
        time.sleep(0.3)
        assert server.label(photos[0].read_bytes() + bytes(40_000)).plain["reason"] == "busy"
        for one in half:
            one.close()
        assert Client(server.address).label(photos[0])[0].label
        assert b"modiste_held_bytes 0\n" in server.ask("GET", "/metrics").text


@contextmanager
def slow_line(port, bytes_per_second):
    """A way to a server that takes so much a second, both into it and on; what the server says comes back at once."""

    def back(here, there):
        with suppress(OSError):
            while part := there.recv(65536):
                here.sendall(part)
            here.shutdown(socket.SHUT_RDWR)

    def carry(here):
        with here, socket.create_connection(("127.0.0.1", port)) as there:
            answers = threading.Thread(target=back, args=(here, there))
            answers.start()
            with suppress(OSError):
                while part := here.recv(bytes_per_second // 20):
                    there.sendall(part)
                    time.sleep(len(part) / bytes_per_second)
                there.shutdown(socket.SHUT_RDWR)
            answers.join()

    def accept():
        with suppress(OSError):
            while True:
                carried.append(threading.Thread(target=carry, args=(listener.accept()[0],)))
                carried[-1].start()

    carried = []
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        waiting = threading.Thread(target=accept)
        waiting.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for thread in (waiting, *carried):
                thread.join()


def test_on_a_slow_line_a_client_sends_less_at_once(served, photos):
    """More bytes than the line carries in the server's time, and yet every photo has its label."""
    data = [photo.read_bytes() + bytes(1_200_000) for photo in photos[:6]]
    with served(limits=Limits(body_seconds=1)) as server, slow_line(server.port, 5_000_000) as url:
        client = Client(url)
        assert client.label(data) == Client(server.address).label(data)
        assert client.pace.most_bytes < sum(map(len, data))
        with pytest.raises(ServerRefused, match="too_slow"):  # one photo cannot be made smaller
            client.label(photos[0].read_bytes() + bytes(8_000_000))


def test_a_client_asks_again_when_told_and_gives_up_in_words(served, photos, hold):
    with served(limits=Limits(queue=1, photos=1)) as server:
        first = threading.Thread(target=Client(server.address).label, args=(photos[0],))
        first.start()
        until = time.monotonic() + 10
        while b"modiste_queue_photos 1\n" not in server.ask("GET", "/metrics").text and time.monotonic() < until:
            time.sleep(0.01)
        assert server.label(photos[0].read_bytes()).status == 503
        with pytest.raises(ServerRefused, match="503"):
            Client(server.address, patience_seconds=0.1).label(photos[0])
        threading.Timer(0.3, hold.set).start()
        assert Client(server.address).label(photos[0])[0].label
        first.join()
    with pytest.raises(MachineError, match="does not answer"):
        Client(server.address, patience_seconds=0.2).label(photos[0])
    with pytest.raises(UsageError, match="address is like"):
        Client("localhost:8000").label(photos[0])


def test_a_disk_that_is_full_is_503_in_words(served, photos, monkeypatch):
    def full(desk, photo):
        raise OSError(28, "No space left on device")

    with served() as server:
        monkeypatch.setattr(Desk, "pixels_and_answers", full)
        answer = server.label(photos[0].read_bytes())
        assert (answer.status, answer.plain["reason"], answer.headers["retry-after"]) == (503, "machine", "10")
        monkeypatch.undo()
        assert server.label(photos[0].read_bytes()).status == 200


def test_a_mistake_of_ours_is_told_without_a_traceback_which_the_log_has(served, photos, monkeypatch, capfd):
    def broken(desk, photo):
        raise KeyError("inner secret")

    with served() as server:
        monkeypatch.setattr(Desk, "pixels_and_answers", broken)
        answer = server.label(photos[0].read_bytes())
        assert (answer.status, answer.plain["reason"]) == (500, "our_mistake")
        assert b"secret" not in answer.text
        server.settled()
    assert "inner secret" in capfd.readouterr().err


def test_what_was_taken_on_is_finished_before_the_server_stops(served, photos, hold):
    answers = []
    with served(threads=2) as server:
        threads = [threading.Thread(target=lambda: answers.append(server.label(photos[0].read_bytes()))) for _ in range(6)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        server.listener.stop()
        time.sleep(0.5)
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", server.port), 5)
        assert answers == []
        hold.set()
        for thread in threads:
            thread.join()
    assert [answer.status for answer in answers] == [200] * 6


def test_a_server_that_cannot_finish_in_time_says_so(served, photos, hold):
    answers, never = [], served(limits=Limits(stop_seconds=1))
    with pytest.raises(Stopped, match="1 requests were not answered"), never as server:  # noqa: PT012  (it is the end that raises)
        thread = threading.Thread(target=lambda: answers.append(server.label(photos[0].read_bytes())))
        thread.start()
        time.sleep(0.3)
        server.listener.stop()
        thread.join()
        hold.set()
    assert [(answer.status, answer.plain["reason"]) for answer in answers] == [(503, "stopping")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_answers_what_it_has_when_a_signal_comes_and_ends_with_0(tiny_bundle, photos, tiny, number, monkeypatch):
    monkeypatch.setattr(client, "AT_ONCE", 32)
    many = (photos * 3)[:32]
    command = [sys.executable, "-m", "modiste", "serve", "--model", str(tiny_bundle), "--port", "0", "--threads", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        address = process.stdout.readline().split(" at ")[1].partition("/v1/")[0]
        answers, clients = [], [Client(address) for _ in range(2)]
        assert [one.room.photos >= len(many) for one in clients] == [True, True]  # asked before the signal: one request each from here on
        threads = [threading.Thread(target=lambda one=one: answers.append(one.label(many))) for one in clients]
        for thread in threads:
            thread.start()
        until, both = time.monotonic() + 10, 2 * sum(photo.stat().st_size for photo in many)
        while (b"_queue_photos 0\n" in metrics(address) or held(address) < both) and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(number)
        assert process.wait(60) == 0
        for thread in threads:
            thread.join()
        assert answers == [tiny.label(many)] * 2
        assert "Traceback" not in process.stderr.read()


def held(address):
    """Bytes of requests that the server holds; all of a form is more than its photos."""
    return float(re.search(rb"_held_bytes ([0-9.e+]+)\n", metrics(address))[1])


def metrics(address):
    import urllib.request

    return urllib.request.urlopen(address + "/metrics", timeout=30).read()


def test_a_port_that_is_taken_or_is_none_and_an_address_that_is_not_here_are_said_in_words(server, tiny):
    from modiste.web.server import listen

    with pytest.raises(MachineError, match="Give another with --port"):
        listen("127.0.0.1", server.port)
    with pytest.raises(UsageError, match="a port is 1 to 65535"):
        listen("127.0.0.1", 70_000)
    with pytest.raises(UsageError, match="no such address"):
        listen("no such host", 0)
