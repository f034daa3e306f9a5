"""routes: one endpoint for all of S3: what is asked stands in the method, the path and the query together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes

from starlette.responses import Response

from loopline.faces.gateway import Gateway
from loopline.faces.s3 import serving_buckets, serving_objects, serving_parts
from loopline.faces.s3.asking import Ask
from loopline.faces.s3.errors import Fault, refuse, request_id
from loopline.faces.s3.signing import pairs_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute

PREFIX: Final = "/s3"
Operation = Callable[[Ask], Awaitable[Response]]

SERVICE: Final[dict[tuple[str, str], Operation]] = {("GET", ""): serving_buckets.list_buckets}
BUCKET: Final[dict[tuple[str, str], Operation]] = {
    ("HEAD", ""): serving_buckets.head_bucket,
    ("PUT", ""): serving_buckets.create_bucket,
    ("DELETE", ""): serving_buckets.delete_bucket,
    ("GET", ""): serving_buckets.list_objects,
    ("GET", "list-type"): serving_buckets.list_objects_v2,
    ("GET", "versions"): serving_buckets.list_versions,
    ("GET", "location"): serving_buckets.location,
    ("GET", "versioning"): serving_buckets.versioning,
    ("GET", "acl"): serving_buckets.acl,
    ("GET", "uploads"): serving_parts.list_uploads,
    ("POST", "delete"): serving_buckets.delete_objects,
}
OBJECT: Final[dict[tuple[str, str], Operation]] = {
    ("HEAD", ""): serving_objects.get_object,
    ("GET", ""): serving_objects.get_object,
    ("PUT", ""): serving_objects.put_object,
    ("PUT", "copy"): serving_objects.copy_object,
    ("DELETE", ""): serving_objects.delete_object,
    ("GET", "attributes"): serving_objects.attributes,
    ("GET", "acl"): serving_objects.acl,
    ("GET", "tagging"): serving_objects.get_tags,
    ("PUT", "tagging"): serving_objects.put_tags,
    ("DELETE", "tagging"): serving_objects.delete_tags,
    ("POST", "uploads"): serving_parts.create,
    ("PUT", "uploadId"): serving_parts.upload,
    ("PUT", "uploadId copy"): serving_parts.upload_copy,
    ("POST", "uploadId"): serving_parts.complete,
    ("DELETE", "uploadId"): serving_parts.abort,
    ("GET", "uploadId"): serving_parts.list_parts,
}
"""What is served, by method and by the word of the query that says which operation it is."""
SELECTING: Final = (
    "acl", "attributes", "delete", "list-type", "location", "tagging", "uploadId", "uploads", "versioning", "versions",
)  # fmt: skip
KNOWN: Final = frozenset({
    *SELECTING, "continuation-token", "delimiter", "encoding-type", "fetch-owner", "key-marker", "marker", "max-keys",
    "max-parts", "max-uploads", "part-number-marker", "partNumber", "prefix", "response-cache-control",
    "response-content-disposition", "response-content-encoding", "response-content-language", "response-content-type",
    "response-expires", "start-after", "upload-id-marker", "version-id-marker", "versionId", "x-id",
})  # fmt: skip
"""Every word of a query that is known; another one asks for what is not served."""


def routes() -> list[BaseRoute]:
    """Give the one route: two slashes are a key of their own."""
    return [Gateway(PREFIX, _answered, _refused)]


async def _answered(request: Request) -> Response:
    return _named(request, await _answer(request))


def _refused(request: Request, error: Exception) -> Response:
    return _named(request, refuse(request, error))


def _named(request: Request, answer: Response) -> Response:
    answer.headers["x-amz-request-id"] = request_id(request)
    return answer


async def _answer(request: Request) -> Response:
    ask = _asked(request)
    table = OBJECT if ask.key else BUCKET if ask.bucket else SERVICE
    words = [word for word in SELECTING if word in ask.query]
    unknown = sorted(set(ask.query) - KNOWN - {name for name in ask.query if name.startswith("X-Amz-")})
    copies = ["copy"] if request.method == "PUT" and "x-amz-copy-source" in request.headers else []
    operation = None if unknown or len(words) > 1 else table.get((request.method, " ".join([*words, *copies])))
    if operation is None:
        if not any(method == request.method for method, _ in table):
            raise Fault("MethodNotAllowed")
        raise Fault("NotImplemented", f"{', '.join(unknown or words) or request.method} is not served here.")
    if ask.query.get("versionId", "null") != "null":
        raise Fault("NoSuchVersion")
    return await operation(ask)


def _asked(request: Request) -> Ask:
    """Take bucket and key out of the path, decoded once and not tidied up."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    path = unquote_to_bytes(raw)[len(PREFIX) :].removeprefix(b"/")
    bucket, _, key = path.partition(b"/")
    try:
        named = (bucket.decode(), key.decode())
        query = dict(reversed(pairs_of(request.scope["query_string"])))
        "".join((*query, *query.values())).encode()
    except UnicodeError:
        raise Fault("InvalidArgument", "Names and keys are UTF-8.") from None
    if b"\0" in path or any("\0" in one for one in (*query, *query.values())):
        raise Fault("InvalidArgument", "Names and keys hold no NUL.")
    return Ask(request, *named, query)
