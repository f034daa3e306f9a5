"""serving_server: what a client asks of the server itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import PlainTextResponse

from loopline.faces.mlflow.asking import Operation, answer

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

SPOKEN: Final = "3.17.2"
"""The release whose protocol is spoken: from 3.4 on, clients send spans to `/v1/traces`."""


async def version(request: Request, names: tuple[str, ...]) -> Response:  # noqa: ARG001 (as every operation is asked)
    """Tell the release whose protocol is spoken."""
    return PlainTextResponse(SPOKEN)


async def server_info(request: Request, names: tuple[str, ...]) -> Response:  # noqa: ARG001 (as every operation is asked)
    """Tell what kind of server this is: projects are workspaces."""
    return answer({"store_type": "SqlStore", "workspaces_enabled": True})


OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("GET", "/version"): version,
    ("GET", "/api/3.0/mlflow/server-info"): server_info,
}
