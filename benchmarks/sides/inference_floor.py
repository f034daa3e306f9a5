"""A bare ASGI application on the uvicorn of a service's front: it reads a body and answers a small JSON. Word: the port."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn

ANSWER = b'{"model_name":"bench","outputs":[{"name":"predict","datatype":"INT64","shape":[1],"data":[1]}]}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(ANSWER)).encode())]


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": ANSWER})


if __name__ == "__main__":
    uvicorn.run(
        app, host="127.0.0.1", port=int(sys.argv[1]), http="httptools", loop="asyncio", ws="none", lifespan="off",
        interface="asgi3", log_config=None, log_level="error", access_log=False, server_header=False, proxy_headers=False,
        timeout_keep_alive=75,
    )  # fmt: skip
