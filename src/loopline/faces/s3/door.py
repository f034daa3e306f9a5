"""door: who a request of S3 is from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from loopline.faces.s3.errors import Fault, refuse
from loopline.faces.s3.signing import Asked, Claim, claim_of, prove

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection
    from starlette.responses import Response

SIGNED = "loopline.s3.signed"
"""Where the signature of a request is kept that was found to be right."""


class S3Door:
    """Reads Signature Version 4 below `/s3`. An access key is the id of a token."""

    prefix = "/s3"

    def named(self, request: HTTPConnection) -> str | None:
        """Give the access key; None for a request that is not signed."""
        claim = self._claim(request)
        return claim.key if claim else None

    def token(self, request: HTTPConnection) -> str:  # noqa: ARG002 (a protocol's signature)
        """Give nothing: a token comes as a bearer's, if at all."""
        return ""

    def prove(self, request: HTTPConnection, secret: str) -> None:
        """Hold the signature against the secret, once: a body may last longer than its signature."""
        if SIGNED in request.scope:
            return
        claim = self._claim(request)
        if claim is not None:
            request.scope[SIGNED] = prove(_asked(request), claim, secret, now=datetime.now(UTC))

    def refuse(self, request: HTTPConnection, error: Exception) -> Response:
        """Answer as S3 does."""
        if getattr(error, "kind", "") == "not-signed-in" and self._names_key(request):
            error = Fault("InvalidAccessKeyId")
        return refuse(request, error)

    def _claim(self, request: HTTPConnection) -> Claim | None:
        if "loopline.s3.claim" not in request.scope:
            request.scope["loopline.s3.claim"] = claim_of(_asked(request))
        found: Claim | None = request.scope["loopline.s3.claim"]
        return found

    def _names_key(self, request: HTTPConnection) -> bool:
        return request.scope.get("loopline.s3.claim") is not None


def _asked(request: HTTPConnection) -> Asked:
    scope = request.scope
    path = scope.get("loopline.s3.path") or scope.get("raw_path") or scope["path"].encode()
    return Asked(scope["method"], path, scope["query_string"], scope["headers"])
