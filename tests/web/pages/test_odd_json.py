"""Whatever pages are sent, they answer in words, never with a mistake of their own, and go on."""

import json
import string
import urllib.parse

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from modiste.web.limits import STATUS

FINE = {200, *STATUS.values()} - {500, 499, 408}
FIELDS = {
    "decisions": ("decisions", "who"),
    "undo": ("id", "who"),
    "briefs": ("ids",),
    "who": ("who",),
    "import": ("path",),
    "export": ("format",),
    "stop": (),
    "promote": ("number",),
    "login": ("token",),
    "look": (),
    "train": (),
}
SENT = ("id", "photo", "kind", "label", "how", "batch", "seconds", "suggested", "confidence")
WORDS = [
    "label",
    "unsure",
    "bad",
    "single",
    "grid",
    "Red",
    "Rde",
    "labels.csv",
    "t1",
    "",
    "\0",
    "\ud800",
    "a\u202eb",
    "=1+1",
    "../..",
    "~x",
    "NaN",
]
numbers = st.one_of(st.integers(), st.integers(-(10**400), 10**400), st.floats(), st.just(10**400), st.booleans())
texts = st.one_of(st.sampled_from(WORDS), st.text(max_size=20), st.text(min_size=300, max_size=500))
values = st.recursive(
    st.one_of(st.none(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=8,
)
QUERIES = {
    "/api/queue": ("by", "n", "skip", "label"),
    "/api/grid": ("label", "n", "by"),
    "/api/photos": ("lane", "label", "text", "said", "sort", "offset", "limit", "list", "finding"),
    "/api/search": ("photo", "k", "label"),
    "/api/compare": ("a", "b", "offset", "limit", "from", "to"),
    "/api/export": ("format",),
    "/photo/": ("side", "v"),
    "/api/photo/": (),
    "/api/heat/": (),
    "/api/map": (),
    "/api/agreement": (),
    "/api/models": (),
    "/": ("x",),
}
HARD = [
    10**400,
    -(10**400),
    float("nan"),
    float("inf"),
    1e308,
    True,
    "\0",
    "\ud800",
    "\udcff",
    [],
    {},
    [[]],
    {"a": None},
    "x" * 100_000,
    -0.0,
]
GIVEN = [
    "uncertainty",
    "sure",
    "doubt",
    "Red",
    "auto",
    "label",
    "disagrees",
    "160",
    "0",
    "-1",
    "1e3",
    "99999999999999999999",
    "٣",
    "１２",
    "",
    "\0",
    " 5 ",
    "nan",
]
CONTROLS = 40  # examples a path, in the short run


def answered(pages, method, path, body=None, **headers):
    """What came back: words, whatever was asked."""
    answer = pages.ask(method, path, body, **{**pages.cookie(), **headers})
    assert answer.status in FINE, (method, path, body, answer.text)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"]
    if answer.status != 200:
        assert set(answer.plain) == {"error", "reason"}
        assert answer.plain["reason"] in STATUS
        assert answer.plain["error"]
    elif answer.headers["content-type"] == "application/json":
        json.loads(answer.text, parse_constant=pytest.fail)  # no NaN, no Infinity
    return answer.status


def with_all(cases):
    """Have Hypothesis try each of these, too."""

    def added(test):
        for case in cases:
            test = example(case)(test)
        return test

    return added


def examples(count):
    return settings(max_examples=count, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))


def sent(pages, name, value):
    """JSON as a page would send it; Python's own has NaN and lone surrogates too."""
    return answered(pages, "POST", f"/api/{name}", json.dumps(value).encode(), Content_Type="application/json")


counts = pytest.mark.parametrize("count", [CONTROLS, pytest.param(3000, marks=[pytest.mark.slow, pytest.mark.timeout(7200)])])


@counts
@pytest.mark.parametrize("name", FIELDS)
def test_no_value_of_any_field_is_a_mistake(shared, name, count):
    @examples(count if FIELDS[name] else 5)
    @given(st.one_of(st.fixed_dictionaries(dict.fromkeys(FIELDS[name], values)), values))
    def ask(value):
        sent(shared, name, value)

    ask()
    for field in FIELDS[name]:
        for value in HARD:
            sent(shared, name, {field: value})
    assert shared.ask("GET", "/healthz").status == 200


@counts
@pytest.mark.parametrize("field", SENT)
def test_no_value_of_any_field_of_a_decision_is_a_mistake(shared, field, count):
    photo, statuses = shared.photos()[0]["id"], set()

    @examples(count)
    @given(values)
    @with_all(HARD)
    def ask(value):
        statuses.add(sent(shared, "decisions", {"decisions": [{**shared.decision(photo), field: value}]}))

    ask()
    assert statuses & {404, 422}
    assert sent(shared, "decisions", {"decisions": [shared.decision(photo)]}) == 200  # the control
    assert shared.get(f"/api/photo/{photo}")["said"]
    for page in ("/api/state", "/api/export?format=log", "/api/export?format=labels.csv", "/"):
        assert answered(shared, "GET", page) == 200


@counts
@pytest.mark.parametrize("path", QUERIES)
def test_no_query_is_a_mistake(shared, path, count):
    ids = [one["id"] for one in shared.photos()[:3]]
    texts = st.one_of(st.sampled_from([*GIVEN, *ids]), st.text(max_size=12), st.text(string.printable, max_size=300))
    names = st.sampled_from([*QUERIES[path], "other"])

    @examples(count)
    @given(st.lists(st.tuples(names, texts), max_size=5), st.sampled_from(ids))
    def ask(pairs, photo):
        query = urllib.parse.urlencode([(name, value.encode("utf-8", "surrogatepass")) for name, value in pairs])
        place = path + photo if path.endswith("/") and path != "/" else path
        assert answered(shared, "GET", f"{place}?{query}") in FINE

    ask()


@counts
def test_no_body_is_a_mistake(shared, count):
    odd = [
        b"",
        b"{",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"a":' * 5000,
        b"\xff\xfe{}",
        b'{"decisions":' + b"9" * 5000 + b"}",
        b"{}" * 2,
        b"NaN",
        b"\xef\xbb\xbf{}",
    ]
    kinds = [
        "application/json",
        "application/json; charset=utf-16",
        "APPLICATION/JSON",
        "text/json",
        "multipart/form-data; boundary=b",
        "image/jpeg",
        "",
    ]
    statuses = set()

    @examples(2 * count)
    @given(st.sampled_from([*FIELDS, "search"]), st.one_of(st.sampled_from(odd), st.binary(max_size=200)), st.sampled_from(kinds))
    def ask(name, body, kind):
        statuses.add(answered(shared, "POST", f"/api/{name}", body, Content_Type=kind))

    ask()
    assert {400, 415} <= statuses


@counts
def test_no_cookie_and_no_header_is_a_mistake(shared, count):
    @examples(count)
    @given(
        st.sampled_from(["/api/state", "/", "/api/queue", "/api/photos?said=label"]),
        st.text(string.ascii_letters + string.digits + '="; ,%', max_size=40),
        st.binary(max_size=30),
    )
    def ask(path, cookie, who):
        for one in (cookie, f"modiste_who={who.hex()}", f"modiste_who={cookie}"):
            answer = shared.ask("GET", path, Cookie=one)
            assert answer.status == 200, (one, answer.text)

    ask()
    for who in (b"\0", b"a\n", "\u202e".encode(), b" ", b"x" * 300):
        cookie = {"Cookie": f"modiste_who={who.hex()}", "Content_Type": "application/json"}
        photo = shared.photos()[0]["id"]
        for name, value in (("decisions", {"decisions": [shared.decision(photo)]}), ("undo", {})):
            assert answered(shared, "POST", f"/api/{name}", json.dumps(value).encode(), **cookie) == 422


def test_forms_of_a_photo_are_answered_in_words(shared, form):
    import shops

    whole = shops.png("Red", 5)
    for pieces, status in (
        ([("a.png", whole)], 200),
        ([], 400),
        ([("a.png", whole)] * 2, 400),
        ([("a.png", b"no picture")], 415),
        ([("a", b"")], 415),
    ):
        body, kind = form(pieces)
        assert answered(shared, "POST", "/api/search?k=3", body, Content_Type=kind) == status
    body, kind = form([("../../etc/passwd", whole)])
    found = shared.ask("POST", "/api/search?k=3", body, Content_Type=kind).plain
    assert found["asked"]["label"] == "Red"
    assert found["asked"]["heat"].startswith("data:image/png;base64,")
    assert len(found["neighbours"]) == 3
    for query in ("k=0", "k=x", "label=Rde", "k=1000000"):
        assert answered(shared, "POST", f"/api/search?{query}", body, Content_Type=kind) == 422
