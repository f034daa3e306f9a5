from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from loopline.faces.inference.grpc import serve
from loopline.faces.inference.messages import SERVICE, message
from loopline.server.listening import listen

from .counted import Counted


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
