"""Bare Starlette with the uvicorn settings of `loopline up`: it reads a body and answers a small JSON. Word: the port."""

from __future__ import annotations

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request  # noqa: TC002 - Starlette reads annotations
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

ANSWER = {"result": {"id": "0" * 32, "name": "train", "state": "running", "params": {"depth": "8"}, "started_at": 1}}


async def answer(request: Request) -> JSONResponse:
    if request.method == "POST":
        await request.json()
    return JSONResponse(ANSWER)


async def health(_: Request) -> PlainTextResponse:
    return PlainTextResponse("OK")


app = Starlette(routes=[Route("/health", health), Route("/", answer, methods=["GET", "POST"])])

if __name__ == "__main__":
    uvicorn.run(
        app, host="127.0.0.1", port=int(sys.argv[1]), http="httptools", loop="asyncio", ws="none", lifespan="off",
        interface="asgi3", log_config=None, log_level="error", access_log=False, server_header=False, proxy_headers=False,
        timeout_keep_alive=75,
    )  # fmt: skip
