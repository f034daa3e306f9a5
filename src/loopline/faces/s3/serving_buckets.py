"""serving_buckets: operations on the service and on buckets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

from loopline.faces.desk import act
from loopline.faces.s3 import buckets
from loopline.faces.s3.addressing import LIST, WRITE, target_of
from loopline.faces.s3.asking import answer
from loopline.faces.s3.errors import Fault, told
from loopline.faces.s3.listing import OWNER, listed, wanted
from loopline.faces.s3.objects import drop, drop_all

if TYPE_CHECKING:
    from loopline.faces.s3.addressing import Place
    from loopline.faces.s3.asking import Ask
    from loopline.loop import Loop

REGION: Final = "us-east-1"
"""What clients are told; every region that they sign for is taken."""
MOST: Final = 1000
"""Keys that are deleted at a time."""


async def list_buckets(ask: Ask) -> Response:
    """ListBuckets."""
    return answer("ListAllMyBucketsResult", await act(ask.request, buckets.every, ask.request))


async def head_bucket(ask: Ask) -> Response:
    """HeadBucket."""
    await ask.place(LIST)
    return Response(headers={"x-amz-bucket-region": REGION})


async def create_bucket(ask: Ask) -> Response:
    """CreateBucket. A location is read and means nothing."""
    if ask.headers.get("x-amz-bucket-object-lock-enabled", "false").lower() == "true":
        raise Fault("NotImplemented", "Objects are not locked here: a branch is, by a policy.")
    await act(ask.request, buckets.may_make, ask.request, ask.bucket)
    if ask.headers.get("content-length", "0") != "0":
        await ask.document("CreateBucketConfiguration")
    await act(ask.request, buckets.make, ask.request, ask.bucket)
    return Response(headers={"Location": f"/{ask.bucket}"})


async def delete_bucket(ask: Ask) -> Response:
    """DeleteBucket."""
    await act(ask.request, buckets.remove, ask.request, ask.bucket)
    return Response(status_code=204)


async def list_objects(ask: Ask) -> Response:
    """ListObjects."""
    return await _list(ask, 1)


async def list_objects_v2(ask: Ask) -> Response:
    """ListObjectsV2."""
    if ask.query["list-type"] != "2":
        raise Fault("InvalidArgument", "The only list-type is 2.")
    return await _list(ask, 2)


async def list_versions(ask: Ask) -> Response:
    """ListObjectVersions: of each object the one version that there is."""
    return await _list(ask, 0)


async def _list(ask: Ask, version: int) -> Response:
    want = wanted(ask.query, version)
    loop, place = await ask.place(LIST)
    name, rows = await act(ask.request, listed, loop, place, want)
    return answer(name, rows, headers={"x-amz-bucket-region": REGION})


async def location(ask: Ask) -> Response:
    """GetBucketLocation."""
    await ask.place(LIST)
    return answer("LocationConstraint", [])


async def versioning(ask: Ask) -> Response:
    """GetBucketVersioning: it was never turned on."""
    await ask.place(LIST)
    return answer("VersioningConfiguration", [])


async def acl(ask: Ask) -> Response:
    """GetBucketAcl."""
    await ask.place(LIST)
    return answer("AccessControlPolicy", control())


def control() -> list[tuple[str, Any]]:
    """Give the one access control list that there is: rights are roles and scopes."""
    return [("Owner", OWNER), ("AccessControlList", [("Grant", [("Grantee", OWNER), ("Permission", "FULL_CONTROL")])])]


async def delete_objects(ask: Ask) -> Response:
    """DeleteObjects."""
    loop, place = await ask.place(WRITE)
    found = await ask.document("Delete")
    rows = found.all("Object") if found else []
    if not 0 < len(rows) <= MOST or any(not row.get("Key") for row in rows):
        raise Fault("MalformedXML", f"Name 1 to {MOST} keys.")
    quiet = bool(found and (found.get("Quiet") or "").lower() == "true")
    keys = [(next(one.text for one in row.inner if one.name == "Key"), row.get("ETag")) for row in rows]
    plain = [key for key, tag in keys if tag is None]
    errors = await act(ask.request, _drop_all, loop, place, plain)
    for key, tag in keys:
        if tag is not None:
            errors |= await act(ask.request, _drop, loop, place, key, tag)
    told_: list[tuple[str, Any]] = []
    for key, _ in keys:
        if key in errors:
            code, message = errors[key]
            told_.append(("Error", [("Key", key), ("Code", code), ("Message", message)]))
        elif not quiet:
            told_.append(("Deleted", [("Key", key)]))
    return answer("DeleteResult", told_)


def _drop_all(loop: Loop, place: Place, keys: list[str]) -> dict[str, tuple[str, str]]:
    """Delete keys, and tell of each that cannot be deleted why. One that is not there is deleted already."""
    errors: dict[str, tuple[str, str]] = {}
    targets = []
    for key in keys:
        try:
            target = target_of(loop, place, key)
            target.ref  # noqa: B018 (raises for a version)
        except Exception as error:  # noqa: BLE001 (one key's fault stands in the answer beside the others)
            _, code, message, _ = told(error)
            if code != "NoSuchKey":
                errors[key] = code, message
        else:
            targets.append(target)
    drop_all(loop, place, targets)
    return errors


def _drop(loop: Loop, place: Place, key: str, tag: str) -> dict[str, tuple[str, str]]:
    try:
        drop(loop, place, target_of(loop, place, key), headers={"if-match": tag})
    except Exception as error:  # noqa: BLE001 (as above)
        _, code, message, _ = told(error)
        return {key: (code, message)}
    return {}
