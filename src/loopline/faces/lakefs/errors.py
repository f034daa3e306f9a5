"""errors: what goes wrong, as lakeFS says it: a status, and `{"message": …}`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

from loopline.faces.problem import encoded, expected
from loopline.faces.s3.errors import Fault as S3Fault
from loopline.faces.status import status_of

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

_KINDS: Final = {
    "merge-clashes": 409,
    "file-is-folder": 409,
    "several-parents": 400,
    "nothing-staged": 400,
    "blob-missing": 500,  # the path is there: a client that takes it for gone would delete its own copy
}
"""Kinds that this protocol answers by another status than other faces do."""


class Fault(Exception):  # noqa: N818 (named as its twin of S3 is; it is no error of ours)
    """An answer of the protocol that is an error."""

    def __init__(self, status: int, message: str, *, headers: dict[str, str] | None = None, **more: Any) -> None:
        self.status, self.message, self.headers, self.more = status, message, headers or {}, more
        super().__init__(f"{status}: {message}")


def missing(what: str) -> Fault:
    """Say that something is not there."""
    return Fault(404, f"{what} not found")


def told(error: Exception) -> tuple[int, str]:
    """Give status and message of anything that was raised."""
    if isinstance(error, Fault | S3Fault):
        return error.status, error.message
    known = expected(error, about="a request of lakeFS")
    if known.kind == "not-signed-in":
        return 401, "error authenticating request: use an access key of loopline issue --s3, or a token as the secret"
    message = f"{known.message} ({known.hint})" if known.hint else known.message
    return _KINDS.get(known.kind, status_of(known)), message


def refuse(request: HTTPConnection, error: Exception) -> Response:
    """Answer with an error; to HEAD with its status alone."""
    status, message = told(error)
    headers = dict(error.headers) if isinstance(error, Fault) else {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="loopline"'
    if status == 503:
        headers["Retry-After"] = "1"
    if request.scope["method"] == "HEAD" or status == 304:
        return Response(status_code=status, headers=headers)
    more = error.more if isinstance(error, Fault) else {}
    return Response(encoded({"message": message, **more}), status, headers=headers, media_type="application/json")
