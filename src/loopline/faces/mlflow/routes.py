"""routes: one endpoint for each beginning of an address; paths are taken apart as they were sent, for names may hold anything."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from loopline.faces.gateway import Gateway
from loopline.faces.mlflow.door import PREFIXES
from loopline.faces.mlflow.errors import Fault, invalid, refuse
from loopline.faces.mlflow.unserved import unserved

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from loopline.faces.mlflow.asking import Operation

    _Fixed = dict[tuple[str, str], Operation]
    _Named = dict[tuple[str, tuple[str, ...]], Operation]
    _Rest = dict[str, dict[str, Operation]]


def routes() -> list[BaseRoute]:
    """Give one route for each address."""
    return [Gateway(prefix, _answered, refuse) for prefix in PREFIXES]


async def _answered(request: Request) -> Response:
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    operation, names = find(request.method, raw.partition(b"?")[0])
    return await operation(request, names)


def find(method: str, raw: bytes) -> tuple[Operation, tuple[str, ...]]:
    """Find the operation, and what its path names. Raise Fault 404 for no address, 501 for one that is not served."""
    fixed_ones, named_ones, rest = _operations()
    method = "GET" if method == "HEAD" else method
    path = raw.decode("latin-1")
    fixed = fixed_ones.get((method, path))
    if fixed is not None:
        return fixed, ()
    parts = path.split("/")
    for prefix, served in rest.items():
        if path.startswith(prefix) and method in served:
            return served[method], (_name(path[len(prefix) :]),)
    for (verb, pattern), operation in named_ones.items():
        if verb == method and len(pattern) == len(parts) and _fits(pattern, parts):
            return operation, tuple(_name(part) for word, part in zip(pattern, parts, strict=True) if word == "{}")
    raise unserved(method, path) or Fault("ENDPOINT_NOT_FOUND", f"nothing is at {method[:20]} {path[:500]}")


@cache
def _operations() -> tuple[_Fixed, _Named, _Rest]:
    """Import them with the first request: a server is ready before that."""
    from loopline.faces.mlflow.operations import FIXED, NAMED, REST

    return FIXED, NAMED, REST


def _fits(pattern: tuple[str, ...], parts: list[str]) -> bool:
    return all(word == part or (word == "{}" and part) for word, part in zip(pattern, parts, strict=True))


def _name(text: str) -> str:
    """Decode what stands in a path, once: `a b` and `a%20b` are different names. Raise Fault 400."""
    try:
        name = unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise invalid("Names are UTF-8.") from None
    if "\0" in name:
        raise invalid("Names hold no NUL.")
    return name
