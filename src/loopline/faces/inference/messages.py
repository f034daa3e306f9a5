"""messages: those of the Open Inference Protocol v2 over gRPC (package `inference`), and Triton's few beside them.

Made from their names and numbers when gRPC is used, without generated code. They live in a pool of their own, so that a
process may import other projects' messages of the same names.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE: Final = "inference"
SERVICE: Final = "inference.GRPCInferenceService"
CONTENTS: Final = {
    "BOOL": "bool_contents", "INT8": "int_contents", "INT16": "int_contents", "INT32": "int_contents", "INT64": "int64_contents",
    "UINT8": "uint_contents", "UINT16": "uint_contents", "UINT32": "uint_contents", "UINT64": "uint64_contents",
    "FP32": "fp32_contents", "FP64": "fp64_contents", "BYTES": "bytes_contents",
}  # fmt: skip
"""Which field of InferTensorContents holds values of a datatype. FP16 has none: it travels raw."""
_TENSOR: Final = (("name", "string"), ("datatype", "string"), ("shape", "*int64"), ("parameters", "%InferParameter"))
_NAMED: Final = (("name", "string"), ("version", "string"))
_MESSAGES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "ServerLiveRequest": (),
    "ServerLiveResponse": (("live", "bool"),),
    "ServerReadyRequest": (),
    "ServerReadyResponse": (("ready", "bool"),),
    "ModelReadyRequest": _NAMED,
    "ModelReadyResponse": (("ready", "bool"),),
    "ServerMetadataRequest": (),
    "ServerMetadataResponse": (*_NAMED, ("extensions", "*string")),
    "ModelMetadataRequest": _NAMED,
    "TensorMetadata": _TENSOR[:3],
    "ModelMetadataResponse": (
        ("name", "string"), ("versions", "*string"), ("platform", "string"), ("inputs", "*TensorMetadata"),
        ("outputs", "*TensorMetadata"),
    ),
    "InferParameter": (
        ("bool_param", "|bool"), ("int64_param", "|int64"), ("string_param", "|string"), ("double_param", "|double"),
        ("uint64_param", "|uint64"),
    ),
    "InferTensorContents": (
        ("bool_contents", "*bool"), ("int_contents", "*int32"), ("int64_contents", "*int64"), ("uint_contents", "*uint32"),
        ("uint64_contents", "*uint64"), ("fp32_contents", "*float"), ("fp64_contents", "*double"), ("bytes_contents", "*bytes"),
    ),
    "InferInputTensor": (*_TENSOR, ("contents", "InferTensorContents")),
    "InferRequestedOutputTensor": (("name", "string"), ("parameters", "%InferParameter")),
    "ModelInferRequest": (
        ("model_name", "string"), ("model_version", "string"), ("id", "string"), ("parameters", "%InferParameter"),
        ("inputs", "*InferInputTensor"), ("outputs", "*InferRequestedOutputTensor"), ("raw_input_contents", "*bytes"),
    ),
    "InferOutputTensor": (*_TENSOR, ("contents", "InferTensorContents")),
    "ModelInferResponse": (
        ("model_name", "string"), ("model_version", "string"), ("id", "string"), ("parameters", "%InferParameter"),
        ("outputs", "*InferOutputTensor"), ("raw_output_contents", "*bytes"),
    ),
    "ModelStreamInferResponse": (("error_message", "string"), ("infer_response", "ModelInferResponse")),
    "RepositoryIndexRequest": (("repository_name", "string"), ("ready", "bool")),
    "ModelIndex": (*_NAMED, ("state", "string"), ("reason", "string")),
    "RepositoryIndexResponse": (("models", "*ModelIndex"),),
}  # fmt: skip
"""Fields by name and type, numbered from 1: `*` repeated, `%` a map from texts, `|` one of."""
_SCALARS: Final = {
    "double": 1, "float": 2, "int64": 3, "uint64": 4, "int32": 5, "bool": 8, "string": 9, "bytes": 12, "uint32": 13,
}  # fmt: skip
_MESSAGE: Final = 11
_OPTIONAL: Final = 1
_REPEATED: Final = 3


@cache
def message(name: str) -> Any:
    """Give the class of a message."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"{PACKAGE}.{name}"))


@cache
def _pool() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="loopline_inference.proto", package=PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        made = file.message_type.add(name=name)
        for number, (field, kind) in enumerate(fields, start=1):
            _add(made, field, kind, number)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


def _add(made: Any, field: str, kind: str, number: int) -> None:
    mark, word = (kind[0], kind[1:]) if kind[0] in "*%|" else ("", kind)
    label = _REPEATED if mark in ("*", "%") else _OPTIONAL
    told = made.field.add(name=field, number=number, label=label)
    if mark == "%":
        entry = made.nested_type.add(name=f"{field.title()}Entry")
        entry.options.map_entry = True
        _add(entry, "key", "string", 1)
        _add(entry, "value", word, 2)
        told.type, told.type_name = _MESSAGE, f".{PACKAGE}.{made.name}.{entry.name}"
    elif word in _SCALARS:
        told.type = _SCALARS[word]
        if mark == "|":
            if not made.oneof_decl:
                made.oneof_decl.add(name="parameter_choice")
            told.oneof_index = 0
    else:
        told.type, told.type_name = _MESSAGE, f".{PACKAGE}.{word}"
