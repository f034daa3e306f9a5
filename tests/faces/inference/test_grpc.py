from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc
import pytest

from loopline.faces.inference.grpc import serve
from loopline.faces.inference.messages import SERVICE, message
from loopline.server.listening import listen

from .counted import Counted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def ask(front: Counted) -> tuple[Any, list[str]]:
    """Ask about rows once, and twice in one stream: the status of the former, and the errors of the latter."""

    async def both() -> tuple[Any, list[str]]:
        with listen("127.0.0.1", 0) as taker:
            address = f"127.0.0.1:{taker.getsockname()[1]}"
        server = await serve(front, address, most=1 << 20)
        one = message("ModelInferRequest")(model_name="n")
        words = {"request_serializer": lambda asked: asked.SerializeToString()}
        try:
            async with grpc.aio.insecure_channel(address) as channel:
                unary = channel.unary_unary(
                    f"/{SERVICE}/ModelInfer", response_deserializer=message("ModelInferResponse").FromString, **words
                )
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await unary(one, timeout=10)
                stream = channel.stream_stream(
                    f"/{SERVICE}/ModelStreamInfer",
                    response_deserializer=message("ModelStreamInferResponse").FromString, **words,
                )  # fmt: skip
                return caught.value.code(), [said.error_message async for said in stream(iter((one, one)), timeout=10)]
        finally:
            await server.stop(0)

    return asyncio.run(both())


@pytest.mark.parametrize(
    ("broken", "code", "words", "kind", "status"),
    [
        (False, grpc.StatusCode.UNAVAILABLE, "no model is loaded yet", "not-ready", 503),
        (True, grpc.StatusCode.INTERNAL, "a defect of the service, see its log", "defect", 500),
    ],
)
def test_what_is_refused_or_breaks_is_counted(*, broken: bool, code: Any, words: str, kind: str, status: int) -> None:
    """Each call counts with the status that it would have over HTTP, and a stream goes on after a defect."""
    front = Counted(broken=broken)
    assert ask(front) == (code, [words, words])
    assert front.counted == [(kind, status)] * 3


class Wrong(NamedTuple):
    """A call that is refused before a model is looked for."""

    method: str
    body: bytes | None
    """None: no message at all."""
    code: Any
    kind: str
    status: int


@pytest.mark.parametrize(
    "wrong",
    [
        Wrong("ModelInfer", b"\xff\xff", grpc.StatusCode.INVALID_ARGUMENT, "bad-request", 400),
        Wrong("ModelInfer", b"x" * 5_000, grpc.StatusCode.RESOURCE_EXHAUSTED, "body-too-large", 413),
        Wrong("ModelInfer", None, grpc.StatusCode.INVALID_ARGUMENT, "bad-request", 400),
        Wrong("ModelStreamInfer", b"\xff\xff", grpc.StatusCode.OK, "bad-request", 400),
        Wrong("Made.Up", b"", grpc.StatusCode.UNIMPLEMENTED, "no-route", 404),
    ],
    ids=["malformed", "large", "empty", "streamed", "unknown"],
)
def test_what_never_becomes_a_request_is_counted(wrong: Wrong) -> None:
    """Bytes that are no message, too many of them, none at all, or a call that is not there count with HTTP's status."""
    front = Counted()

    async def ask() -> Any:
        with listen("127.0.0.1", 0) as taker:
            address = f"127.0.0.1:{taker.getsockname()[1]}"
        server = await serve(front, address, most=1_000)
        try:
            async with grpc.aio.insecure_channel(address) as channel:
                call = channel.stream_stream(f"/{SERVICE}/{wrong.method}")(
                    iter(() if wrong.body is None else (wrong.body,)), timeout=10
                )
                with contextlib.suppress(grpc.aio.AioRpcError):
                    assert [one async for one in call]
                return await call.code()
        finally:
            await server.stop(0)

    assert asyncio.run(ask()) == wrong.code
    assert front.counted == [(wrong.kind, wrong.status)]


def test_a_client_whose_time_is_up_is_not_counted() -> None:
    """A call that ends before its message came, because its client waits no longer, was not too large."""
    front = Counted()

    async def slowly() -> AsyncIterator[bytes]:
        await asyncio.sleep(30)
        yield b""

    async def ask() -> Any:
        with listen("127.0.0.1", 0) as taker:
            address = f"127.0.0.1:{taker.getsockname()[1]}"
        server = await serve(front, address, most=1_000)
        try:
            async with grpc.aio.insecure_channel(address) as channel:
                call = channel.stream_unary(f"/{SERVICE}/ModelInfer")(slowly(), timeout=0.3)
                return await call.code()
        finally:
            await server.stop(0)

    assert asyncio.run(ask()) == grpc.StatusCode.DEADLINE_EXCEEDED
    assert front.counted == []
