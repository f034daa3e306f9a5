"""errors: what goes wrong, in S3's words."""

from __future__ import annotations

from secrets import token_hex
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from loopline.errors import Conflict, LooplineError, NotFound, Refused, Unavailable
from loopline.faces.problem import expected
from loopline.faces.s3.xml import document
from loopline.faces.status import status_of

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

CODES: Final[dict[str, tuple[int, str]]] = {
    "AccessControlListNotSupported": (400, "Only private, and full control of the bucket's owner, are known here."),
    "AccessDenied": (403, "Access Denied"),
    "AuthorizationHeaderMalformed": (400, "The authorization header is malformed."),
    "AuthorizationQueryParametersError": (400, "The query parameters of the signature are malformed."),
    "BadDigest": (400, "The sum that you sent is not that of the bytes that came."),
    "BucketAlreadyExists": (409, "There is a data asset of this name already."),
    "BucketAlreadyOwnedByYou": (409, "There is a bucket of this name already."),
    "BucketNotEmpty": (409, "The bucket that you tried to delete is not empty."),
    "EntityTooLarge": (400, "The object is larger than this server takes."),
    "EntityTooSmall": (400, "A part that is not the last one has fewer than 5 MiB."),
    "ExpiredToken": (400, "The request has expired."),
    "IncompleteBody": (400, "The body ended before all of it had come, or is longer than was said."),
    "InternalError": (500, "The server has a defect."),
    "InvalidAccessKeyId": (403, "The access key that you sent is not known here, or was revoked."),
    "InvalidArgument": (400, "An argument is not valid."),
    "InvalidBucketName": (400, "The name is not valid for a bucket."),
    "InvalidDigest": (400, "The sum that you sent is none."),
    "InvalidPart": (400, "A part was not found, or its sum is another."),
    "InvalidPartOrder": (400, "The parts are not in ascending order."),
    "InvalidRange": (416, "The range that you ask for lies outside of the object."),
    "InvalidRequest": (400, "The request is not valid."),
    "InvalidToken": (400, "Session tokens are not known here."),
    "KeyTooLongError": (400, "The key is too long."),
    "MalformedXML": (400, "The XML that you sent is not what it should be."),
    "MetadataTooLarge": (400, "Metadata have more than 2 KB."),
    "MethodNotAllowed": (405, "The method is not allowed here."),
    "MissingContentLength": (411, "Send the length of the body."),
    "NoSuchBucket": (404, "The bucket does not exist."),
    "NoSuchKey": (404, "The key does not exist."),
    "NoSuchUpload": (404, "The upload does not exist: it was ended or aborted."),
    "NoSuchVersion": (404, "Versions of objects are not kept here: those of the data asset are."),
    "NotImplemented": (501, "This is not served here."),
    "PreconditionFailed": (412, "A condition does not hold."),
    "RequestTimeTooSkewed": (403, "The time of the request is too far from the server's."),
    "SignatureDoesNotMatch": (403, "The signature is not the one that the server calculates."),
    "XAmzContentSHA256Mismatch": (400, "The hash that was signed is not that of the bytes that came."),
}
"""What we answer: status and words by code."""


class Fault(Exception):  # noqa: N818 (named as the protocol's texts have it; it is no error of ours)
    """An answer of the protocol that is an error."""

    def __init__(self, code: str, message: str = "", **facts: str) -> None:
        self.code = code
        self.status, words = CODES[code]
        self.message = message or words
        self.facts = facts
        super().__init__(f"{code}: {self.message}")


class Unmodified(Exception):  # noqa: N818 (an answer without a body: 304)
    """The client has what it asks for."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.headers = headers
        super().__init__("304")


_KINDS: Final = {
    "no-asset": "NoSuchBucket",
    "path-missing": "NoSuchKey",
    "no-ref": "NoSuchKey",
    "bad-range": "InvalidRange",
    "length-required": "MissingContentLength",
    "body-too-large": "EntityTooLarge",
    "method-not-allowed": "MethodNotAllowed",
    "not-installed": "NotImplemented",
    "blob-missing": "InternalError",  # the key is there: a client that takes it for gone would delete its own copy
}


def told(error: Exception) -> tuple[int, str, str, dict[str, str]]:
    """Give status, code, message and facts of anything that was raised."""
    if isinstance(error, Fault):
        return error.status, error.code, error.message, error.facts
    known = expected(error, about="a request of S3")
    message = f"{known.message} ({known.hint})" if known.hint else known.message
    if known.kind in _KINDS:
        code = _KINDS[known.kind]
        return CODES[code][0], code, message, {}
    if known.kind == "file-is-folder":
        return 409, "InvalidRequest", message, {}
    if known.kind == "not-signed-in":
        return 403, "AccessDenied", "Sign the request, with an access key of loopline issue --s3.", {}
    return status_of(known), _code(known), message, {}


def _code(error: LooplineError) -> str:
    match error:
        case Refused():
            return "AccessDenied"
        case NotFound():
            return "NoSuchKey"
        case Conflict():
            return "ConditionalRequestConflict"
        case Unavailable():
            return "ServiceUnavailable"
    return "InternalError" if status_of(error) >= 500 else "InvalidArgument"


def refuse(request: HTTPConnection, error: Exception) -> Response:
    """Answer with an error: as XML, or to HEAD with nothing but its status."""
    name = request_id(request)
    headers = {"x-amz-request-id": name}
    if isinstance(error, Unmodified):
        return Response(status_code=304, headers=headers | error.headers)
    status, code, message, facts = told(error)
    if status == 503:
        headers["Retry-After"] = "1"
    if request.scope["method"] == "HEAD":
        return Response(status_code=status, headers=headers)
    rows = [
        ("Code", code),
        ("Message", message),
        *facts.items(),
        ("Resource", request.scope["path"]),
        ("RequestId", name),
    ]
    return Response(document("Error", rows, space=""), status, headers=headers, media_type="application/xml")


def request_id(request: HTTPConnection) -> str:
    """Give the name of a request, which every answer carries."""
    found = request.scope.get("loopline.s3.request")
    if found is None:
        found = request.scope["loopline.s3.request"] = token_hex(8).upper()
    return str(found)
