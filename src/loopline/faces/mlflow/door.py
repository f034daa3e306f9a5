"""door: who a request of MLflow is from: HTTP Basic with a token as the password, Bearer, or a signed address."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from loopline.access.secrets import id_of
from loopline.faces.mlflow.errors import Fault, refuse
from loopline.faces.mlflow.presigning import OPEN, prove, words_of
from loopline.faces.mlflow.unserved import PAGES
from loopline.faces.signing import KEY

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection
    from starlette.responses import Response

PREFIXES: Final = ("/api/2.0", "/api/3.0", "/v1/traces", "/version", *PAGES)
"""Where the protocol is spoken, or said not to be. `/health` is the gate's."""
PUBLIC: Final = ("/version",)
"""What answers strangers: a client asks it before it says who it is."""


@dataclass(frozen=True, slots=True)
class MlflowDoor:
    """Reads what clients of MLflow send: MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN."""

    prefix: str

    def named(self, request: HTTPConnection) -> str | None:
        """Give the token by whose secret an address is signed; None where a header says who asks, or nobody need say."""
        if "authorization" in request.headers:
            return None
        key = words_of(request).get(KEY)
        return None if key == OPEN else key

    def token(self, request: HTTPConnection) -> str:
        """Give the token that stands as the password, whatever the name; nothing where none does. Raise Fault 401."""
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            return ""
        try:
            _, colon, secret = b64decode(text.strip(), validate=True).decode().partition(":")
        except (Error, ValueError):
            colon = secret = ""
        if not colon or not id_of(secret):
            raise Fault("UNAUTHENTICATED", "the password is no token of this server: make one with loopline issue")
        return secret

    def prove(self, request: HTTPConnection, secret: str) -> None:
        """Hold a signed address against the secret of its token."""
        prove(request, secret)

    def refuse(self, request: HTTPConnection, error: Exception) -> Response:
        """Answer as MLflow does."""
        return refuse(request, error)


def doors() -> tuple[MlflowDoor, ...]:
    """Give one for each address."""
    return tuple(MlflowDoor(prefix) for prefix in PREFIXES)
