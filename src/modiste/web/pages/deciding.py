"""What people say of photos, on its way to the disk and back; labels from elsewhere, and labels to take along."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response

from modiste.annotating.decisions import Decision, check_id, check_who
from modiste.projects import exchange, views
from modiste.projects.copies import said_of
from modiste.projects.guesses import Guesses
from modiste.projects.jobs import Jobs
from modiste.projects.state import counts_of, pace_of
from modiste.projects.studio import Studio
from modiste.web.bodies import received
from modiste.web.door import is_here
from modiste.web.guard import State
from modiste.web.limits import Refused
from modiste.web.pages.asking import found_of
from modiste.web.pages.talking import COOKIE_SECONDS, WHO_COOKIE, Talk, answer, answered, apart, text_of, who_of

MOST_DECISIONS = 5000
MOST_TAKEN_BACK = 200  # photos that are told of an undo; a whole import may be taken back at once
SENT = ("id", "photo", "kind", "label", "how", "batch", "seconds", "suggested", "confidence", "model")
OF_ITS_PHOTO = ("replaced", "not_found", "not_yet")  # why one decision is not taken, whatever the others are
SEEN = "sha"  # the first digits of the SHA-256 of the bytes that were shown, as photos are sent with it


def add(app: FastAPI, studio: Studio, jobs: Jobs, talk: Talk, _state: State) -> None:
    """Their routes."""

    @app.post("/api/decisions")
    async def decisions(request: Request) -> Response:
        given = await talk.json_of(request)
        sent = given.get("decisions")
        if not isinstance(sent, list) or not 1 <= len(sent) <= MOST_DECISIONS:
            raise Refused("bad_parameter", f"decisions: a list of 1 to {MOST_DECISIONS} of them.")
        return await answered(saved, studio, jobs, sent, named(given, request))

    @app.post("/api/undo")
    async def undo(request: Request) -> Response:
        given = await talk.json_of(request)
        return await answered(taken_back, studio, jobs, named(given, request), text_of(given, "id"))

    @app.post("/api/who")
    async def who(request: Request) -> Response:
        name = " ".join((text_of(await talk.json_of(request), "who") or "").split())
        check_who(name)
        made = answer({"who": name})
        made.set_cookie(WHO_COOKIE, name.encode().hex(), max_age=COOKIE_SECONDS, httponly=True, samesite="strict", path="/")
        return made

    @app.get("/api/agreement")
    async def agreement() -> Response:
        return await answered(exchange.agreement, studio)

    @app.post("/api/import")
    async def taken_in(request: Request) -> Response:
        given = await talk.json_of(request)
        if not is_here(talk.door.host):
            raise Refused("refused", "others reach this server, and it opens no path for them. Choose the file with the labels instead.")
        return await answered(exchange.taken_in, studio, text_of(given, "path", None, 4096), who_of(request))

    @app.post("/api/import/file")
    async def sent_in(request: Request) -> Response:
        if request.headers.get("content-type", "") != "application/octet-stream":
            raise Refused("not_bytes", "send the file's bytes, with the header Content-Type: application/octet-stream.")
        name = text_of(request.query_params, "name") or ""
        paths = is_here(talk.door.host)
        larger = "Name a larger file by its path." if paths else "Send it in parts."
        async with received(request.receive, talk.limits.request_bytes, talk.held, larger) as body:
            return await answered(exchange.sent_in, studio, name, bytes(body), who_of(request), paths)

    @app.get("/api/export")
    async def export(request: Request) -> Response:
        name, kind, data = await apart(exchange.download, studio, text_of(request.query_params, "format", "labels.csv") or "")
        return Response(data, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})

    @app.post("/api/export")
    async def write_out(request: Request) -> Response:
        to = await apart(exchange.written_out, studio, text_of(await talk.json_of(request), "format") or "")
        return answer({"path": views.shown(str(to)), "words": f"Written to {views.shown(str(to))}."})


def named(given: dict[str, Any], request: Request) -> str:
    """Whom the page shows: a browser has one cookie for all its pages, and somebody else may have given their name in another."""
    return text_of(given, "who") or who_of(request)


def saved(studio: Studio, jobs: Jobs, sent: list[Any], who: str) -> dict[str, Any]:
    """What was sent, on the disk: answered only then. A request that is wrong is refused whole.

    What was said of a photo that is another now, gone, or still to come is `left` out, with why: it says nothing against the rest.
    """
    whole = jobs.done("look")  # asked before what is known: a look that ends meanwhile knows more
    found = found_of(studio, jobs)
    made, saved, left = list[Decision](), list[str](), list[dict[str, str]]()
    for each in sent:
        try:
            made += decisions_of(studio, found, each, who, whole)
            saved.append(each["id"])
        except Refused as why:
            if why.reason not in OF_ITS_PHOTO:
                raise
            left.append({"id": each["id"], **why.plain()})
    studio.take(made)
    return {
        "saved": saved,
        "left": left,
        "counts": counts_of(studio, found),
        "pace": pace_of(studio, who),
        "version": studio.version,
    }


def decisions_of(studio: Studio, found: Guesses, sent: Any, who: str, whole: bool = True) -> list[Decision]:
    """What was sent of one photo, as said of it and of all with the same bytes, with the network that had made the guess.

    A photo that is not known is none only where the last look was `whole`. What was said of other bytes than those of now is refused.
    """
    if not isinstance(sent, dict) or set(sent) - {*SENT, SEEN}:
        raise Refused("bad_parameter", f"a decision is an object with {', '.join((*SENT, SEEN))}, and nothing else.")
    check_id("id", sent.get("id"))
    if not isinstance(sent.get("photo"), str):
        raise Refused("bad_parameter", "photo: the id of a photo.")
    row = found.rows.get(sent["photo"])
    if row is None and (not whole or len(found) < found.looked.total):
        raise Refused("not_yet", "the photos are not all looked at, and this one is still to come. It is sent again by itself.", 2)
    if row is None:
        raise Refused("not_found", f"there is no photo {sent['photo'][:40]!r} in this project (any more).")
    rest: dict[str, Any] = {name: sent.get(name) for name in SENT if name != "photo"}
    rest["batch"] = rest["batch"] or rest["id"]  # copies, be they known now or later, are taken back together
    rest["model"] = model_of(studio, rest["model"])
    path, sha = found.looked.photos[row].path, found.looked.shas[row].tobytes().hex()
    one = Decision(photo=path, who=who, sha256=sha, **rest)
    seen = seen_of(sent)
    if studio.ledger.log.knows(one.id):  # sent again: it was saved as said of what was shown then, and of its copies
        return [one]
    if not sha.startswith(seen):
        raise Refused("replaced", f"{views.shown(path)} was replaced while it was shown. Look at it as it is now.")
    return [one, *(said_of(one, copy) for copy in found.copies_of(path)[1:])]


def model_of(studio: Studio, name: Any) -> str:
    """The id of the network whose guess was shown: one of the project's, the one in use where nothing is said."""
    known = [studio.model.id, *(one.id for one in studio.models.models)]
    if name is not None and name not in known:
        raise Refused("bad_parameter", f"model: the id of a network of this project, not {str(name)[:40]!r}.")
    return name or studio.model.id


def seen_of(sent: dict[str, Any]) -> str:
    """The digits by which the photo that was shown is known; '' where nothing is said."""
    seen = text_of(sent, SEEN, "", 64) or ""
    if seen and len(seen) < views.SHA_DIGITS:
        raise Refused("bad_parameter", f"{SEEN}: the first {views.SHA_DIGITS} digits or more of the SHA-256 of the photo's bytes.")
    return seen


def taken_back(studio: Studio, jobs: Jobs, who: str, name: str | None) -> dict[str, Any]:
    """What somebody said last, taken back, and the photos it was said of: the last ones, and how many more."""
    found = found_of(studio, jobs)
    gone = studio.undo(who, name)
    rows = [found.by_path[one.photo] for one in gone if one.photo in found.by_path]
    places = found.looked.places
    many = len(gone) - len(rows) + len({int(places[row]) if places[row] >= 0 else -1 - row for row in rows})  # copies are told as one
    words = f"Taken back: {many} decisions." if many > 1 else "Taken back." if gone else "There is nothing to take back."
    photos = [views.photo(studio, found, row, who) for row in rows[:MOST_TAKEN_BACK]]
    return {
        "undone": [one.id for one in gone],
        "photos": photos,
        "rest": len(rows) - len(photos),
        "words": words,
        "counts": counts_of(studio, found),
        "version": studio.version,
    }
