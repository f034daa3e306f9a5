"""The gRPC port of a front: a real client against real model processes."""

from __future__ import annotations

import socket
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from loopline.faces.inference.messages import SERVICE, message
from loopline.server.listening import listen
from tests.server.fronting import fronted, naughty


def asked(address: str, *values: float, metadata: tuple[tuple[str, str], ...] = ()) -> list[float]:
    """What a model says about rows."""
    request = message("ModelInferRequest")(model_name="n")
    tensor = request.inputs.add(name="x", datatype="FP64", shape=[len(values)])
    tensor.contents.fp64_contents.extend(values)
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary(
            f"/{SERVICE}/ModelInfer",
            request_serializer=lambda one: one.SerializeToString(),
            response_deserializer=message("ModelInferResponse").FromString,
        )
        said = call(request, timeout=10, metadata=metadata)
    return list(said.outputs[0].contents.fp64_contents)


def test_a_version_says_whether_grpc_is_spoken(tmp_path: Path) -> None:
    """The port opens with a version that asks for it, is waited for where it is taken, and closes with one that does not."""
    with closing(listen("127.0.0.1", 0)) as taker:
        address = f"127.0.0.1:{taker.getsockname()[1]}"
        first = replace(naughty(tmp_path, 0), grpc=address)
        with fronted(first) as front:
            said = front.until(lambda one: address in one.message)
            assert (said.ready, said.grpc, front.predict(1.0).status) == (True, "", 200)
            taker.close()
            assert front.until(lambda one: one.grpc == address).message == ""
            assert asked(address, 1.0, 2.0) == [1.0, 2.0]
            with pytest.raises(grpc.RpcError) as refused:
                asked(address, *([0.0] * 100_001))
            assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
            front.want(naughty(tmp_path, 1, number=2))
            front.until(lambda one: one.number == 2 and not one.grpc)
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=5)
