"""errors: what goes wrong, as MLflow says it: a status, and `{"error_code": …, "message": …}`.

Clients try again after 408, 429 and 5xx, so what is their own mistake is never one of these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from loopline.errors import LooplineError
from loopline.faces.problem import encoded, expected
from loopline.faces.status import status_of

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

INVALID: Final = "INVALID_PARAMETER_VALUE"
MISSING: Final = "RESOURCE_DOES_NOT_EXIST"
EXISTS: Final = "RESOURCE_ALREADY_EXISTS"
STATUSES: Final = {
    INVALID: 400,
    "BAD_REQUEST": 400,
    EXISTS: 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    MISSING: 404,
    "ENDPOINT_NOT_FOUND": 404,
    "RESOURCE_CONFLICT": 409,
    "REQUEST_LIMIT_EXCEEDED": 429,
    "INTERNAL_ERROR": 500,
    "NOT_IMPLEMENTED": 501,
    "TEMPORARILY_UNAVAILABLE": 503,
}
"""Codes of the protocol that are answered here, with their statuses."""
CODES: Final = {
    400: INVALID, 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: MISSING, 409: "RESOURCE_CONFLICT", 413: INVALID,
    429: "REQUEST_LIMIT_EXCEEDED", 503: "TEMPORARILY_UNAVAILABLE",
}  # fmt: skip
"""What a status of ours is called."""


class Fault(Exception):  # noqa: N818 (named as its twins of other faces are; it is no error of ours)
    """An answer of the protocol that is an error."""

    def __init__(self, code: str, message: str, *, status: int = 0) -> None:
        self.code, self.message = code, message
        self.status = status or STATUSES[code]
        super().__init__(f"{code}: {message}")


def invalid(message: str) -> Fault:
    """Say that something which was sent is wrong."""
    return Fault(INVALID, message)


def missing(message: str) -> Fault:
    """Say that something is not there."""
    return Fault(MISSING, message)


def no_run(said: str) -> Fault:
    """Say that there is no such run."""
    return missing(f"Run with id={said} not found")


def inactive(what: str) -> Fault:
    """Say that something takes nothing, as it was deleted: `run 01a2…`."""
    return invalid(f"The {what} must be in the 'active' state. Current state is deleted.")


def exists(message: str) -> Fault:
    """Say that a name is taken."""
    return Fault(EXISTS, message)


def told(error: Exception) -> tuple[int, str, str]:
    """Give status, code and message of anything that was raised."""
    if isinstance(error, Fault):
        return error.status, error.code, error.message
    known: LooplineError = expected(error, about="a request of MLflow")
    status = 401 if known.kind == "not-signed-in" else status_of(known)
    if status == 413:
        status = 400
    message = f"{known.message} ({known.hint})" if known.hint else known.message
    return status, CODES.get(status, "INTERNAL_ERROR" if status >= 500 else INVALID), message


def refuse(request: HTTPConnection, error: Exception) -> Response:
    """Answer with an error."""
    status, code, message = told(error)
    headers = {"Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="mlflow"'
    if status == 503:
        headers["Retry-After"] = "1"
    body = b"" if request.scope["method"] == "HEAD" else encoded({"error_code": code, "message": message})
    return Response(body, status, headers=headers, media_type="application/json")
