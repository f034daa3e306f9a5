"""serving_imports: files of other repositories and buckets of this server, as the next commit of a branch. No byte is copied.

Other storage is not read: whoever may ask this server could else make it read whatever it reaches. How far an import is stands
beside the uploads of its branch (`ledger/multiparts.py`), for whichever process is asked next. An import whose process ends in
the middle has changed nothing, and says that it failed once it has not been heard of for a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from loopline.datasets.overlay import Overlay, fold
from loopline.datasets.path import check_path
from loopline.datasets.tree import EMPTY
from loopline.errors import LooplineError
from loopline.faces.desk import act
from loopline.faces.lakefs.addressing import COMMIT, LIST, READ, WRITE, find_repository, find_spot, named_branch
from loopline.faces.lakefs.asking import Ask, answer, applied, document
from loopline.faces.lakefs.commits import commit_of
from loopline.faces.lakefs.errors import Fault, missing, told
from loopline.faces.lakefs.serving_commits import metadata_of
from loopline.faces.lakefs.wire import ImportCreation
from loopline.faces.s3.addressing import find_place, target_of
from loopline.faces.s3.errors import Fault as S3Fault
from loopline.ledger.multiparts import Multipart
from loopline.nouns.staged import Staged
from loopline.verbs.add import add
from loopline.verbs.staged import heads_of, staged
from loopline.verbs.staging import NOTES, View, look

if TYPE_CHECKING:
    from starlette.responses import Response

    from loopline.faces.lakefs.wire import CommitCreation, ImportLocation
    from loopline.loop import Loop
    from loopline.nouns.name import RefName
    from loopline.nouns.version import Version

GROUP: Final = 1000
"""Files between two words about how far it is."""
SILENT_S: Final = 120
"""Seconds after which an import that nobody hears of has failed."""


@dataclass(frozen=True, slots=True)
class Source:
    """Files that were found: of a place, those of one path or below a prefix, and where they go."""

    view: View
    path: str
    whole: bool
    into: str

    def rows(self, loop: Loop) -> Iterator[Staged]:
        """Give them as they shall be on the branch. Raise Fault 404 for one that is not there, Invalid for no path."""
        over = self.view.overlay(loop)
        found = over.iter(self.path) if self.whole else iter([over.find(self.path)])
        for one in found:
            if one is None:
                raise missing(f"object {self.path!r}")
            path = self.into + one.path[len(self.path) :] if self.whole else self.into
            check_path(path.removesuffix("/"))
            yield Staged(path, replace(one.entry, path=path), over.notes(one))


async def start(ask: Ask) -> Response:
    """ImportStart."""
    said = await document(ask.request, ImportCreation)
    loop, ref, sources = await act(ask.request, _asked, ask, said)
    one = Multipart(loop.ids.new(), _owner(ref), "import", {}, str(loop.actor))
    await act(ask.request, _say, loop, one, 0)
    state = ask.request.app.state
    if not hasattr(state, "lakefs_imports"):
        state.lakefs_imports = ThreadPoolExecutor(1, thread_name_prefix="loopline-import")
    asyncio.get_running_loop().run_in_executor(state.lakefs_imports, _run, loop, ref, sources, said.commit, one)
    return answer({"id": one.id}, 202)


def status(ask: Ask) -> Response:
    """ImportStatus."""
    loop, ref = _branch(ask)
    one = _known(loop, ref, ask.query.get("id", ""))
    done = one.done
    with loop.ledger.read() as tx:
        now, number = tx.now, done.get("version")
        commit = {"commit": commit_of(tx, tx.versions.get(ref.asset, number))} if number else {}
    late = not done["over"] and now - done["at"] > SILENT_S * 1_000_000
    error = "the server that did it has stopped: start again" if late else done.get("error", "")
    said = {
        "completed": bool(done["over"] and not error), "ingested_objects": done["objects"], **commit,
        "update_time": datetime.fromtimestamp(done["at"] / 1_000_000, UTC).isoformat(),
    }  # fmt: skip
    return answer(said | ({"error": {"message": error}} if error else {}))


def cancel(ask: Ask) -> Response:
    """importCancel: what is not committed yet will not be."""
    loop, ref = _branch(ask)
    one = _known(loop, ref, ask.query.get("id", ""))
    if one.done["over"]:
        raise Fault(409, "the import is over")
    with loop.ledger.telemetry() as tx:
        tx.multiparts.end(one.id)
    return answer()


def _branch(ask: Ask) -> tuple[Loop, RefName]:
    loop, repository = find_repository(ask.request, ask.names[0], WRITE, COMMIT)
    return loop, named_branch(loop, repository, ask.names[1])


def _owner(ref: RefName) -> str:
    return f"import {ref.key}"


def _known(loop: Loop, ref: RefName, name: str) -> Multipart:
    with loop.ledger.read() as tx:
        found = tx.multiparts.find(name) if name else None
    if found is None or found.owner != _owner(ref) or not found.done:
        raise missing("import")
    return found


def _asked(ask: Ask, said: ImportCreation) -> tuple[Loop, RefName, list[Source]]:
    loop, ref = _branch(ask)
    if not said.paths:
        raise Fault(400, "name at least one path")
    if staged(loop, ref, limit=1):
        raise Fault(400, "uncommitted changes (dirty branch)")
    return loop, ref, [_source(ask, one) for one in said.paths]


def _source(ask: Ask, one: ImportLocation) -> Source:
    """Find files for somebody who may read them. Raise Fault 400 for other storage than this server's own."""
    scheme, _, rest = one.path.partition("://")
    name, _, path = rest.partition("/")
    whole = one.type == "common_prefix"
    if scheme == "lakefs":
        ref, _, path = path.partition("/")
        loop, repository = find_repository(ask.request, name, READ, LIST)
        return Source(find_spot(loop, repository, ref).view(loop), path, whole, one.destination)
    if scheme == "s3":
        try:
            loop, place = find_place(ask.request, name, READ, LIST)
            target = target_of(loop, place, path)
        except S3Fault as error:
            if error.code == "NoSuchBucket":
                raise _foreign(one.path) from None
            raise
        return Source(target.view(loop), target.path, whole, one.destination)
    raise _foreign(one.path)


def _foreign(path: str) -> Fault:
    return Fault(
        400, f"{path[:200]!r} is no repository or bucket of this server, and it reads no other storage: "
        "bring the files by the S3 door, or by loopline add",
    )  # fmt: skip


def _run(loop: Loop, ref: RefName, sources: list[Source], said: CommitCreation, one: Multipart) -> None:
    """Commit the files, and write down what came of it."""
    count = 0
    try:
        rows: dict[str, Staged] = {}
        for source in sources:
            found = source.rows(loop)
            while group := list(islice(found, GROUP)):
                rows |= {row.path: row for row in group}
                count = len(rows)
                if not _say(loop, one, count):
                    return
        version = _committed(loop, ref, list(rows.values()), said, one)
        _say(loop, one, count, over=True, version=version.number)
    except Exception as error:  # noqa: BLE001 (whoever asks how far it is, is told)
        _say(loop, one, count, over=True, error=told(error)[1])


def _committed(loop: Loop, ref: RefName, rows: list[Staged], said: CommitCreation, one: Multipart) -> Version:
    if staged(loop, ref, limit=1):
        raise Fault(400, "uncommitted changes (dirty branch)")
    view = look(loop, ref)
    over = Overlay(loop.blobs, *heads_of(view), ())
    for row in rows:
        clash = over.clash(row.path) if over.find(row.path) is None else None
        if clash:
            raise Fault(409, f"{clash[0]} would be a file and a folder")
    root, notes = fold(loop.blobs, *heads_of(view), rows)
    with loop.ledger.read() as tx:
        if tx.multiparts.find(one.id) is None:
            raise Fault(409, "cancelled")
    noted = {NOTES: notes} if notes != EMPTY or heads_of(view)[1] else {}
    published = add(
        loop, ref.asset, tree=root, branch=ref.ref, message=said.message or "Import objects",
        expect=view.head.number if view.head else None, metadata={**metadata_of(said.metadata, said.date), **noted},
    )  # fmt: skip
    applied(published.change)
    return published.version


def _say(loop: Loop, one: Multipart, count: int, *, over: bool = False, **more: Any) -> bool:
    """Write down how far it is; tell whether anybody still wants it."""
    try:
        with loop.ledger.telemetry() as tx:
            if count == 0 and not over:
                tx.multiparts.begin(one)
            elif tx.multiparts.find(one.id) is None:
                return False
            tx.multiparts.end(one.id, {"objects": count, "at": tx.now, "over": over, **more})
    except LooplineError:
        return not over
    return True
