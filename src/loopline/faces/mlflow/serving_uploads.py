"""serving_uploads: files that come in parts, and addresses that hold for a while without a header.

Parts come to addresses of this server, and each is a blob; at the end they are joined into one, which is staged like any file.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from loopline.faces.desk import act
from loopline.faces.mlflow import wire_models as wire
from loopline.faces.mlflow.addresses import Place, find_model, fitting, location, place_of
from loopline.faces.mlflow.asking import Ask, Operation, answer, document, project_of, sync
from loopline.faces.mlflow.errors import invalid, missing
from loopline.faces.mlflow.naming import find_run
from loopline.faces.mlflow.presigning import address, headers_of, lasting, signed
from loopline.faces.mlflow.receiving import received
from loopline.faces.mlflow.serving_artifacts import READ, WRITE, operation, spot
from loopline.faces.mlflow.translate import SCHEME
from loopline.faces.s3.multipart import joined
from loopline.ledger.multiparts import Multipart, Part
from loopline.nouns.artifact import Artifact
from loopline.verbs.filing import file_of, keep, of_run, ready

if TYPE_CHECKING:
    from starlette.requests import Request

    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop

MOST: Final = 10_000
"""Parts of a file."""
PATIENCE: Final = 6 * 3600
"""Seconds for which the address of a part holds: a slow line sends one after the other."""
ROOT: Final = ("api", "2.0", "mlflow-artifacts")
_ID: Final = re.compile(r"[0-9a-f]{1,64}\Z")
_NUMBER: Final = re.compile(r"[0-9]{1,5}\Z")


def create(ask: Ask) -> Response:
    """CreateMultipartUpload: an address for each part."""
    said: wire.Upload = ask.body
    if not 1 <= said.num_parts <= MOST:
        raise invalid(f"Invalid value {said.num_parts} for parameter 'num_parts' supplied: it is from 1 to {MOST}.")
    loop, place = _target(ask, said.path or "")
    ready(loop, place.owner)
    one = Multipart(loop.ids.new(), place.owner.key, place.path, {}, str(loop.actor))
    credentials = [
        {
            "url": address(ask, "PUT", (*ROOT, "mpu", "parts", one.id, str(number)), seconds=PATIENCE),
            "part_number": number,
            "headers": headers_of(ask),
        }
        for number in range(1, said.num_parts + 1)
    ]
    with loop.ledger.telemetry() as tx:
        tx.multiparts.begin(one)
    return answer({"upload_id": one.id, "credentials": credentials})


def _target(ask: Ask, home: str) -> tuple[Loop, Place]:
    """Find the file that an upload is for: in the folder that the path names, called as it is called at home."""
    loop, folder = spot(ask, WRITE, folder=True)
    name = re.split(r"[/\\]", home)[-1]
    path = fitting(f"{folder.path}/{name}" if folder.path else name)
    return loop, Place(folder.owner, path)


async def take_part(request: Request, names: tuple[str, ...]) -> Response:
    """Take one part, at the address that was given for it. Sent again it takes the place of what came before."""
    ask = signed(Ask(request, names, project_of(request)))
    loop, one, number = await act(request, _part, ask)
    held = await received(request, loop)

    def add() -> None:
        with loop.ledger.telemetry() as tx:
            here = tx.multiparts.find(one.id)
            if here is None or here.done:
                raise _no_upload(one.id)
            tx.holdings.add(loop.project, [held.digest])
            tx.multiparts.put(one.id, Part(number, held.digest, held.size, ""))

    await act(request, add)
    return Response(headers={"ETag": f'"{held.digest}"', "Cache-Control": "no-store"})


def _part(ask: Ask) -> tuple[Loop, Multipart, int]:
    loop = ask.loop(WRITE)
    name, number = ask.names
    with loop.ledger.read() as tx:
        one = _known(tx, loop.project, name)
    if one.done:
        raise _no_upload(name)
    if not _NUMBER.match(number) or not 1 <= int(number) <= MOST:
        raise invalid(f"The number of a part is from 1 to {MOST}.")
    return loop, one, int(number)


def _known(tx: Tables, project: str, name: str) -> Multipart:
    found = tx.multiparts.find(name) if _ID.match(name) else None
    if found is None or not found.owner.startswith(f"{project}:"):
        raise _no_upload(name)
    return found


def _no_upload(name: str) -> Exception:
    return missing(f"No upload with id={name[:100]} exists: it was ended, aborted, or left for a week")


async def complete(request: Request, names: tuple[str, ...]) -> Response:
    """CompleteMultipartUpload: join the parts that a client names. Asked again it answers the same."""
    ask = Ask(request, names, project_of(request), await document(request, wire.EndUpload))
    loop, place, one, parts = await act(request, _chosen, ask)
    if one.done:
        return answer()
    taken = await joined(request, loop, parts, [])

    def end(tx: Tables) -> None:
        if tx.multiparts.find(one.id) is None:  # it was aborted while its parts were joined
            raise _no_upload(one.id)
        tx.multiparts.end(one.id, {"digest": taken.digest, "size": taken.size})

    held = Artifact(taken.digest, size=taken.size)
    await act(request, partial(keep, loop, place.owner, place.path, held, beside=end))
    return answer()


def _chosen(ask: Ask) -> tuple[Loop, Place, Multipart, list[Part]]:
    said: wire.EndUpload = ask.body
    loop, place = _target(ask, said.path or "")
    with loop.ledger.read() as tx:
        one = _known(tx, loop.project, said.upload_id or "")
        if (one.owner, one.path) != (place.owner.key, place.path):
            raise _no_upload(one.id)
        here = {part.number: part for part in tx.multiparts.parts(one.id)}
    chosen: list[Part] = []
    for row in () if one.done else said.parts:
        part = here.get(row.part_number)
        if part is None or (row.etag and row.etag.strip('"') != part.digest):
            raise invalid(f"Part {row.part_number} has not come, or is not the one that its ETag names.")
        if chosen and part.number <= chosen[-1].number:
            raise invalid("Parts are named once each, by their numbers in order.")
        chosen.append(part)
    if not chosen and not one.done:
        raise invalid("Missing value for required parameter 'parts'.")
    return loop, place, one, chosen


def abort(ask: Ask) -> Response:
    """AbortMultipartUpload. One that is not there any more is aborted already."""
    said: wire.EndUpload = ask.body
    loop, place = _target(ask, said.path or "")
    with loop.ledger.telemetry() as tx:
        found = tx.multiparts.find(said.upload_id or "") if _ID.match(said.upload_id or "") else None
        if found is not None and (found.owner, found.path) == (place.owner.key, place.path) and not found.done:
            tx.multiparts.end(found.id)
    return answer()


def presigned(ask: Ask) -> Response:
    """GetPresignedDownloadUrl: an address of a file, which ranges can be asked of."""
    loop, place = spot(ask, READ)
    entry = file_of(loop, place.owner, place.path).entry
    url = address(ask, "GET", (*ROOT, "artifacts", *ask.names[0].split("/")))
    return answer({"url": url, "headers": headers_of(ask), "file_size": entry.size})


def presigned_upload(ask: Ask) -> Response:
    """CreatePresignedUploadUrl, for a file of a run or of a logged model."""
    said: wire.Presign = ask.body
    if bool(said.run) == bool(said.model_id):
        raise invalid("Exactly one of run_id and model_id must be provided.")
    seconds = lasting(said.expiration)
    loop, place, parts = _file(ask, WRITE)
    ready(loop, place.owner)
    return answer({"presigned_url": address(ask, "PUT", parts, seconds=seconds), "headers": headers_of(ask)})


def presigned_download(ask: Ask) -> Response:
    """CreatePresignedDownloadUrl, for a file of a run."""
    said: wire.Presign = ask.body
    seconds = lasting(said.expiration)
    loop, place, parts = _file(ask, READ)
    entry = file_of(loop, place.owner, place.path).entry
    url = address(ask, "GET", parts, seconds=seconds)
    return answer({"presigned_url": url, "headers": headers_of(ask), "file_size": entry.size})


def _file(ask: Ask, verb: str) -> tuple[Loop, Place, tuple[str, ...]]:
    """Find the file of a run or a model that a document names, with the path under which clients reach it."""
    said: wire.Presign = ask.body
    loop = ask.loop(verb)
    path = fitting(said.path or "")
    with loop.ledger.read() as tx:
        if said.model_id:
            model = find_model(tx, loop.project, said.model_id)
            group, owner = tx.experiments.by_id(loop.project, model.experiment), model.owner
        else:
            run = find_run(tx, loop.project, said.run)
            group, owner = tx.experiments.get(loop.project, run.experiment, deleted=True), of_run(run)
        if group is None:
            raise missing(f"Logged model with ID '{said.model_id}' not found.")
        text = f"{location(group, owner).removeprefix(f'{SCHEME}/')}/{path}"
        return loop, place_of(tx, loop.project, text), (*ROOT, "artifacts", *text.split("/"))


_M: Final = "/api/2.0/mlflow-artifacts"
_A: Final = "/api/2.0/mlflow/artifacts"
OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("POST", f"{_M}/mpu/create/{{path}}"): sync(create, wire.Upload),
    ("PUT", f"{_M}/mpu/parts/{{}}/{{}}"): take_part,
    ("POST", f"{_M}/mpu/complete/{{path}}"): complete,
    ("POST", f"{_M}/mpu/abort/{{path}}"): sync(abort, wire.EndUpload),
    ("GET", f"{_M}/presigned/{{path}}"): operation(presigned),
    ("POST", f"{_A}/presigned-upload-url"): sync(presigned_upload, wire.Presign),
    ("POST", f"{_A}/presigned-download-url"): sync(presigned_download, wire.Presign),
}
