"""What a route raised, as an answer in words."""

from __future__ import annotations

import functools

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from modiste.records.errors import MachineError, ModisteError
from modiste.web.guard import INCOMING, MISTAKE, settle, to_log, told
from modiste.web.limits import Limits, Refused

PATHS = {404: ("not_found", "there is no such path."), 405: ("wrong_method", "this path does not take this method.")}
KINDS = (Refused, RequestValidationError, HTTPException, MachineError, OSError, Exception)  # of what a route may raise
LACKS = "the machine lacks room or processes just now; the server's log says what. Ask again in 10 s."


def refuse_in_words(app: FastAPI, limits: Limits, hint: str = "", frank: bool = False) -> None:
    """Have an app answer in words whatever its routes raise; `hint` follows where a path is wrong.

    A frank app says what the machine lacks, and what it was asked for that does not exist: whoever asks sits before the machine.
    """
    for kind in (*KINDS, ModisteError) if frank else KINDS:
        app.add_exception_handler(kind, functools.partial(refuse, limits, hint, frank))


async def refuse(limits: Limits, hint: str, frank: bool, request: Request, error: Exception) -> Response:
    """The answer, once the rest of what is sent anyway was read."""
    refused = refusal(error, hint, frank)
    await settle(request.scope[INCOMING], request.scope, limits)
    text, headers = told(refused)
    answer = Response(text, refused.status)
    answer.raw_headers = headers
    if isinstance(error, HTTPException) and error.headers:  # which methods there are
        answer.headers.update(error.headers)
    return answer


def refusal(error: Exception, hint: str, frank: bool) -> Refused:
    """The refusal that an error stands for."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        return Refused("bad_parameter", f"{first['loc'][-1]}: {first['msg']}.")
    if isinstance(error, HTTPException):
        reason, words = PATHS.get(error.status_code, ("bad_request", "the request is garbled."))
        return Refused(reason, f"{words} {hint}".strip())
    if isinstance(error, MachineError | OSError):
        to_log(f"modiste: {error}")
        return Refused("machine", str(error) if frank else LACKS, 10)
    return Refused("refused", str(error)) if frank and isinstance(error, ModisteError) else Refused("our_mistake", MISTAKE)
