"""grpc: the Open Inference Protocol v2 over gRPC, for those who installed `loopline[grpc]`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError

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
Call = Callable[[Any], Awaitable[Any]]


Trace = Callable[[str, Any, str], contextlib.AbstractContextManager[Callable[[int, int, str], None]]]
"""Makes a span of a call: its name, its metadata, who calls. What it gives is told how the call ended: the status that HTTP has
for it, that of gRPC as a number, and as a word."""
_PROBES: Final = ("ServerLive", "ServerReady")
_LARGE: Final = grpc.StatusCode.RESOURCE_EXHAUSTED
_CUT_S: Final = 0.5
"""How long a call without a message may take to be cut by gRPC itself."""


async def serve(front: Front, address: str, *, most: int, trace: Trace | None = None) -> Any:
    """Listen at `HOST:PORT` for messages of at most `most` bytes, and give the server. Raise Unavailable where that is taken."""
    options = [
        ("grpc.max_receive_message_length", most),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),
    ]
    server = grpc.aio.server(options=options)
    server.add_generic_rpc_handlers((_Spoken(front, trace),))
    try:
        server.add_insecure_port(address)
    except RuntimeError as error:
        raise Unavailable(
            f"gRPC cannot listen at {address}: {error}", kind="port-taken", hint="choose another grpc port"
        ) from None
    await server.start()
    return server


class _Spoken(grpc.GenericRpcHandler):  # type: ignore[misc] # grpc has no types
    """Everything that can be called.

    Messages come undecoded, and as a stream also where there is one: so what is refused before a message is there is known here,
    and is counted like everything else.
    """

    def __init__(self, front: Front, trace: Trace | None) -> None:
        self._front, self._trace = front, trace
        calls = _Calls(front)
        unary = {
            "ServerLive": calls.live, "ServerReady": calls.ready, "ServerMetadata": calls.about, "ModelReady": calls.model_ready,
            "ModelMetadata": calls.model, "ModelInfer": calls.infer, "RepositoryIndex": calls.index,
        }  # fmt: skip
        self._handlers = {
            f"/{SERVICE}/{name}": grpc.stream_unary_rpc_method_handler(
                self._one(name, call), response_serializer=_bytes
            )
            for name, call in unary.items()
        }
        self._handlers[f"/{SERVICE}/ModelStreamInfer"] = grpc.stream_stream_rpc_method_handler(
            self._stream(calls.infer), response_serializer=_bytes
        )

    def service(self, details: Any) -> Any:
        """Find what is called."""
        found = self._handlers.get(details.method)
        if found is None:
            self._front.refused("no-route", 404)
        return found

    def _one(self, name: str, call: Call) -> Callable[[Any, Any], Any]:
        read = message(f"{name}Request").FromString

        async def answered(requests: AsyncIterator[bytes], context: Any) -> Any:
            with self._traced(name, context) as ended:
                try:
                    made = await call(_decoded(read, await self._only(requests, context)))
                except asyncio.CancelledError as error:
                    large = isinstance(error, _TooLarge)
                    ended(*((413, *_LARGE.value) if large else (499, *grpc.StatusCode.CANCELLED.value)))
                    raise
                except Exception as error:  # noqa: BLE001 (a defect answers one call, and the others go on)
                    await context.abort(*self._fault(error, ended))
                else:
                    ended(200, *grpc.StatusCode.OK.value)
                    return made

        return answered

    async def _only(self, requests: AsyncIterator[bytes], context: Any) -> bytes:
        """Take the message of a call. Raise Invalid where there is none.

        A message that is too large never comes: gRPC cuts the call, and does not say why. So a call that is cut before its
        message came counts as too large, unless its time was up.
        """
        async for raw in requests:
            return raw
        try:
            await asyncio.sleep(_CUT_S)
        except asyncio.CancelledError:
            left = context.time_remaining()
            if left is None or left > _CUT_S / 10:
                self._front.refused("body-too-large", 413)
                raise _TooLarge from None
            raise
        raise Invalid("a call without a message", kind="bad-request", hint="send one")

    def _stream(self, call: Call) -> Callable[[Any, Any], Any]:
        read = message("ModelInferRequest").FromString

        async def answered(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[Any]:
            async for raw in requests:
                made = message("ModelStreamInferResponse")()
                with self._traced("ModelStreamInfer", context) as ended:
                    request = None
                    try:
                        request = _decoded(read, raw)
                        made.infer_response.CopyFrom(await call(request))
                        ended(200, *grpc.StatusCode.OK.value)
                    except Exception as error:  # noqa: BLE001 (as above)
                        _, made.error_message = self._fault(error, ended)
                        made.infer_response.id = request.id if request is not None else ""
                yield made

        return answered

    def _fault(self, error: Exception, ended: Callable[[int, int, str], None]) -> tuple[Any, str]:
        """Turn an error into a status of gRPC and words, and have it counted."""
        if isinstance(error, LooplineError):
            kind, status, code, words = error.kind, errors.status(error), code_of(error), error.message
        else:
            _log.error("gRPC", exc_info=error)
            kind, status, code, words = "defect", 500, grpc.StatusCode.INTERNAL, DEFECT
        self._front.refused(kind, status)
        ended(status, *code.value)
        return code, words

    def _traced(self, name: str, context: Any) -> contextlib.AbstractContextManager[Callable[[int, int, str], None]]:
        if self._trace is None or name in _PROBES:
            return contextlib.nullcontext(_untold)
        return self._trace(f"{SERVICE}/{name}", context.invocation_metadata(), context.peer())


class _TooLarge(asyncio.CancelledError):
    """The call was cut because of its message."""


def _untold(status: int, code: int, word: str) -> None:
    """Tell nobody."""


def _bytes(value: Any) -> bytes:
    found: bytes = value.SerializeToString()
    return found


def _decoded(read: Callable[[bytes], Any], raw: bytes) -> Any:
    try:
        return read(raw)
    except DecodeError as error:
        raise Invalid(
            f"the message cannot be read: {error}", kind="bad-request", hint="send what the protocol says"
        ) from None


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
