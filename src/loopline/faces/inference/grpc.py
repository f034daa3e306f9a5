"""grpc: the Open Inference Protocol v2 over gRPC, for those who installed `loopline[grpc]`."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

import grpc

from loopline.errors import Conflict, Invalid, LooplineError, NotFound, Refused, Unavailable
from loopline.faces.inference import errors, wire
from loopline.faces.inference.app import DEFECT, EXTENSIONS, Front, Served
from loopline.faces.inference.messages import CONTENTS, SERVICE, message
from loopline.nouns.datatype import DATATYPES, SIZES, TEXT, pack, unpack
from loopline.serving.question import Answer, Given, Made, Question

CODES: Final[Mapping[type[LooplineError], Any]] = {
    Invalid: grpc.StatusCode.INVALID_ARGUMENT, NotFound: grpc.StatusCode.NOT_FOUND, Conflict: grpc.StatusCode.ABORTED,
    Refused: grpc.StatusCode.PERMISSION_DENIED, Unavailable: grpc.StatusCode.UNAVAILABLE,
}  # fmt: skip
_KINDS: Final = {"too-many-requests": grpc.StatusCode.RESOURCE_EXHAUSTED, "unsupported": grpc.StatusCode.UNIMPLEMENTED}
_log = logging.getLogger("loopline.server")


async def serve(front: Front, address: str, *, most: int) -> Any:
    """Listen at `HOST:PORT` for messages of at most `most` bytes, and give the server. Raise Unavailable where that is taken."""
    options = [
        ("grpc.max_receive_message_length", most),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),
    ]
    server = grpc.aio.server(options=options)
    server.add_generic_rpc_handlers((_handlers(front),))
    try:
        server.add_insecure_port(address)
    except RuntimeError as error:
        raise Unavailable(
            f"gRPC cannot listen at {address}: {error}", kind="port-taken", hint="choose another grpc port"
        ) from None
    await server.start()
    return server


def _handlers(front: Front) -> Any:
    calls = _Calls(front)
    unary = {
        "ServerLive": calls.live, "ServerReady": calls.ready, "ServerMetadata": calls.about, "ModelReady": calls.model_ready,
        "ModelMetadata": calls.model, "ModelInfer": calls.infer, "RepositoryIndex": calls.index,
    }  # fmt: skip
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            _guarded(front, call), request_deserializer=message(f"{name}Request").FromString, response_serializer=_bytes
        )
        for name, call in unary.items()
    }
    handlers["ModelStreamInfer"] = grpc.stream_stream_rpc_method_handler(
        calls.stream, request_deserializer=message("ModelInferRequest").FromString, response_serializer=_bytes
    )
    return grpc.method_handlers_generic_handler(SERVICE, handlers)


def _bytes(value: Any) -> bytes:
    found: bytes = value.SerializeToString()
    return found


def _guarded(front: Front, call: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """Turn errors into statuses of gRPC, and have them counted."""

    async def guarded(request: Any, context: Any) -> Any:
        try:
            return await call(request)
        except LooplineError as error:
            front.refused(error.kind, errors.status(error))
            await context.abort(code_of(error), error.message)
        except Exception:  # noqa: BLE001 (a defect answers one call, and the others go on)
            _log.exception("gRPC")
            front.refused("defect", 500)
            await context.abort(grpc.StatusCode.INTERNAL, DEFECT)

    return guarded


def code_of(error: LooplineError) -> Any:
    """Give the status of an error."""
    special = _KINDS.get(error.kind)
    if special is not None:
        return special
    return next((code for cls, code in CODES.items() if isinstance(error, cls)), grpc.StatusCode.INTERNAL)


class _Calls:
    """The calls of the service."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def _served(self, name: str = "", version: str = "") -> Served:
        served = self._front.served()
        if served is None:
            raise Unavailable("no model is loaded yet", kind="not-ready", hint="wait a moment, then try again")
        if name and name != self._front.name:
            raise NotFound(f"no model is called {name!r} here", kind="no-model", hint=f"ask for {self._front.name}")
        if version and version not in served.versions():
            raise NotFound(
                f"version {version} is not served here", kind="no-version", hint=f"served are {served.versions()}"
            )
        return served

    async def live(self, request: Any) -> Any:
        del request
        return message("ServerLiveResponse")(live=True)

    async def ready(self, request: Any) -> Any:
        del request
        served = self._front.served()
        return message("ServerReadyResponse")(ready=served is not None and served.ready)

    async def about(self, request: Any) -> Any:
        from importlib.metadata import version

        del request
        return message("ServerMetadataResponse")(name="loopline", version=version("loopline"), extensions=EXTENSIONS)

    async def model_ready(self, request: Any) -> Any:
        return message("ModelReadyResponse")(ready=self._served(request.name, request.version).ready)

    async def model(self, request: Any) -> Any:
        served = self._served(request.name, request.version)
        return message("ModelMetadataResponse")(
            **wire.metadata(self._front.name, served.versions(), served.main.signature)
        )

    async def index(self, request: Any) -> Any:
        del request
        served = self._front.served()
        state = "READY" if served is not None and served.ready else "LOADING"
        models = [
            {"name": self._front.name, "version": one, "state": state}
            for one in (served.versions() if served else [""])
        ]
        return message("RepositoryIndexResponse")(models=models)

    async def infer(self, request: Any) -> Any:
        if not request.model_name:
            raise NotFound("no model is named", kind="no-model", hint=f"ask for {self._front.name}")
        served = self._served(request.model_name, request.model_version)
        return response(await served.ask(question(request, self._front.new_id)), request, self._front.name)

    async def stream(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        del context
        async for request in requests:
            made = message("ModelStreamInferResponse")()
            try:
                made.infer_response.CopyFrom(await self.infer(request))
            except LooplineError as error:
                self._front.refused(error.kind, errors.status(error))
                made.error_message = error.message
                made.infer_response.id = request.id
            except Exception:  # noqa: BLE001 (as above)
                _log.exception("gRPC")
                self._front.refused("defect", 500)
                made.error_message = DEFECT
                made.infer_response.id = request.id
            yield made


def question(request: Any, new_id: Callable[[], str]) -> Question:
    """Take a request apart. Raise Invalid."""
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        raise Invalid(
            f"{len(request.inputs)} inputs and {len(raw)} raw ones", kind="bad-tensor", hint="send all of them raw"
        )
    if not request.inputs:
        raise Invalid("a request without inputs", kind="bad-request", hint="send at least one tensor")
    rows, columns = -1, []
    for index, tensor in enumerate(request.inputs):
        given, count = _given(tensor, raw[index] if raw else None)
        if rows not in (-1, count):
            raise Invalid(
                f"input {tensor.name!r} has {count} rows, others have {rows}",
                kind="bad-shape",
                hint="send as many in each",
            )
        rows = count
        columns.append(given)
    parameters = {
        name: getattr(one, one.WhichOneof("parameter_choice") or "string_param")
        for name, one in request.parameters.items()
    }
    outputs = tuple(one.name for one in request.outputs)
    return Question(
        request.id or new_id(), rows, columns, outputs, version=request.model_version, parameters=parameters
    )


def _given(tensor: Any, raw: bytes | None) -> tuple[Given, int]:
    name, kind, shape = tensor.name, tensor.datatype, list(tensor.shape)
    if kind not in DATATYPES:
        raise Invalid(
            f"input {name!r} is of an unknown datatype {kind!r}", kind="bad-type", hint=f"use {', '.join(DATATYPES)}"
        )
    count = 1
    for size in shape:
        count *= max(0, size)
    if not shape or not count:
        raise Invalid(
            f"input {name!r} has the shape {shape}", kind="bad-shape", hint="send at least one row", column=name
        )
    if raw is None:
        if kind not in CONTENTS:
            raise Invalid(f"{kind} has no typed contents", kind="bad-type", hint="send it raw", column=name)
        data: Any = list(getattr(tensor.contents, CONTENTS[kind]))
        if kind == TEXT:
            data = unpack(TEXT, pack(TEXT, data))
        found = len(data)
    elif kind == TEXT:
        data = unpack(TEXT, raw)
        found = len(data)
    else:
        data = raw
        found = len(raw) // SIZES[kind] if len(raw) % SIZES[kind] == 0 else -1
    if found != count:
        raise Invalid(
            f"input {name!r} has not the {count} values of its shape {shape}",
            kind="bad-shape",
            hint="send all",
            column=name,
        )
    return Given(name, kind, count // shape[0], data), shape[0]


def response(answer: Answer, request: Any, model: str) -> Any:
    """Put a response together: raw where the request was, or where a type has no other form."""
    made = message("ModelInferResponse")(model_name=model, model_version=wire.version_of(answer), id=answer.id)
    for name, value in wire.parameters_of(answer).items():
        made.parameters[name].string_param = value
    raw = bool(request.raw_input_contents) or any(one.type not in CONTENTS for one in answer.made)
    for one in answer.made:
        tensor = made.outputs.add(name=one.name, datatype=one.type, shape=[answer.rows, *one.tail])
        if raw:
            made.raw_output_contents.append(one.data if isinstance(one.data, bytes) else pack(TEXT, one.data))
        else:
            getattr(tensor.contents, CONTENTS[one.type]).extend(_values(one))
    return made


def _values(made: Made) -> list[Any]:
    if isinstance(made.data, bytes):
        return unpack(made.type, made.data)
    return [one.encode() for one in made.data]
