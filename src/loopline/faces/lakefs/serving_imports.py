"""serving_imports: files that lie elsewhere, as the next commit of a branch. No byte is copied.

They come from other repositories and buckets of this server, or from storage that its setting `server.register_from` names:
whoever may ask could else make it read whatever it reaches. How far an import is stands beside the uploads of its branch
(`ledger/multiparts.py`), for whichever process is asked next. An import whose process ends in the middle has changed nothing, and
says that it failed once it has not been heard of for a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final

from loopline.datasets.overlay import Overlay, fold
from loopline.datasets.tree import EMPTY
from loopline.errors import LooplineError
from loopline.faces.desk import act
from loopline.faces.lakefs.addressing import (
    COMMIT,
    WRITE,
    find_repository,
    named_branch,
)
from loopline.faces.lakefs.asking import Ask, answer, applied, document
from loopline.faces.lakefs.commits import commit_of
from loopline.faces.lakefs.errors import Fault, missing, told
from loopline.faces.lakefs.serving_commits import metadata_of
from loopline.faces.lakefs.sources import below, source_of
from loopline.faces.lakefs.wire import ImportCreation
from loopline.ledger.multiparts import Multipart
from loopline.nouns.staged import Staged
from loopline.store.leased import hold_on
from loopline.verbs.add import add
from loopline.verbs.staged import heads_of, staged
from loopline.verbs.staging import NOTES, look

if TYPE_CHECKING:
    from starlette.responses import Response

    from loopline.faces.lakefs.sources import Elsewhere, Source
    from loopline.faces.lakefs.wire import CommitCreation
    from loopline.loop import Loop
    from loopline.nouns.digest import Digest
    from loopline.nouns.name import RefName
    from loopline.nouns.progress import Progress
    from loopline.nouns.version import Version

GROUP: Final = 1000
"""Files between two words about how far it is."""
SILENT_S: Final = 120
"""Seconds after which an import that nobody hears of has failed."""
BEAT_S: Final = 20.0
"""Seconds after which one that waits for its turn, or reads something large, is heard of again."""


async def start(ask: Ask) -> Response:
    """ImportStart."""
    said = await document(ask.request, ImportCreation)
    loop, ref, sources = await act(ask.request, _asked, ask, said)
    one = Multipart(loop.ids.new(), _owner(ref), "import", {}, str(loop.actor))
    await act(ask.request, _begin, loop, one)
    state = ask.request.app.state
    if not hasattr(state, "lakefs_imports"):
        state.lakefs_imports = ThreadPoolExecutor(1, thread_name_prefix="loopline-import")
    asyncio.get_running_loop().run_in_executor(state.lakefs_imports, _run, Heard(loop, one), ref, sources, said.commit)
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


def _asked(ask: Ask, said: ImportCreation) -> tuple[Loop, RefName, list[Source | Elsewhere]]:
    loop, ref = _branch(ask)
    if not said.paths:
        raise Fault(400, "name at least one path")
    sources = [source_of(ask, one) for one in said.paths]
    if staged(loop, ref, limit=1):
        raise Fault(400, "uncommitted changes (dirty branch)")
    return loop, ref, sources


class Heard:
    """Says again and again that an import is there, also while it waits for its turn or reads something large."""

    def __init__(self, loop: Loop, one: Multipart) -> None:
        self.loop, self.one = loop, one
        self._ended, self._unwanted = Event(), Event()
        self.count = 0
        self._thread = Thread(target=self._beat, name="loopline-import-heard", daemon=True)
        self._thread.start()

    def __enter__(self) -> Loop:
        """Give a loop with which whatever reads stops once nobody wants it."""
        return replace(self.loop, report=self._stop)

    def __exit__(self, *raised: object) -> None:
        """Be silent: what comes now is the last word."""
        self._ended.set()
        self._thread.join()

    def counted(self, count: int) -> None:
        """Say how many files there are. Raise Fault 409 where nobody wants them."""
        self.count = count
        if not _say(self.loop, self.one, count):
            raise Fault(409, "cancelled")

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_S):
            if not _say(self.loop, self.one, self.count):
                self._unwanted.set()

    def _stop(self, progress: Progress) -> None:
        del progress
        if self._unwanted.is_set():
            raise Fault(409, "cancelled")


def _run(heard: Heard, ref: RefName, sources: list[Source | Elsewhere], said: CommitCreation) -> None:
    """Commit the files, and write down what came of it."""
    loop, one = heard.loop, heard.one
    try:
        with heard as working:
            hold_on(loop.blobs)
            rows: dict[str, Staged] = {}
            for source in sources:
                found = source.rows(working)
                while group := list(islice(found, GROUP)):
                    rows |= {row.path: row for row in group}
                    heard.counted(len(rows))
            folders = [source.into for source in sources if source.whole]
            version = _committed(working, ref, rows, folders, said=said, one=one)
        _say(loop, one, heard.count, over=True, version=version.number)
    except Exception as error:  # noqa: BLE001 (whoever asks how far it is, is told)
        _say(loop, one, heard.count, over=True, error=told(error)[1])


def _committed(
    loop: Loop,
    ref: RefName,
    rows: Mapping[str, Staged],
    folders: Sequence[str],
    *,
    said: CommitCreation,
    one: Multipart,
) -> Version:
    if staged(loop, ref, limit=1):
        raise Fault(400, "uncommitted changes (dirty branch)")
    view = look(loop, ref)
    heads = heads_of(view)
    root, notes = _folded(loop, heads, rows, folders)
    with loop.ledger.read() as tx:
        if tx.multiparts.find(one.id) is None:
            raise Fault(409, "cancelled")
    noted = {NOTES: notes} if notes != EMPTY or heads[1] else {}
    published = add(
        loop, ref.asset, tree=root, branch=ref.ref, message=said.message or "Import objects",
        expect=view.head.number if view.head else None, metadata={**metadata_of(said.metadata, said.date), **noted},
    )  # fmt: skip
    applied(published.change)
    return published.version


def _folded(
    loop: Loop, heads: tuple[Digest | None, Digest | None], rows: Mapping[str, Staged], folders: Sequence[str]
) -> tuple[Digest, Digest]:
    """Put the files into what a branch has, in place of all that is in the folders which were brought."""
    before = Overlay(loop.blobs, *heads, ())
    gone = {one.path for into in folders for one in before.iter(below(into)) if one.path not in rows}
    root, notes = fold(loop.blobs, *heads, [Staged(path, None) for path in sorted(gone)])
    over = Overlay(loop.blobs, root, notes, ())
    for row in rows.values():
        clash = over.clash(row.path) if over.find(row.path) is None else None
        if clash:
            raise Fault(409, f"{clash[0]} would be a file and a folder")
    return fold(loop.blobs, root, notes, list(rows.values()))


def _begin(loop: Loop, one: Multipart) -> None:
    """Write down that there is one."""
    with loop.ledger.telemetry() as tx:
        tx.multiparts.begin(one)
        tx.multiparts.end(one.id, {"objects": 0, "at": tx.now, "over": False})


def _say(loop: Loop, one: Multipart, count: int, *, over: bool = False, **more: Any) -> bool:
    """Write down how far it is; tell whether anybody still wants it."""
    try:
        with loop.ledger.telemetry() as tx:
            if tx.multiparts.find(one.id) is None:
                return False
            tx.multiparts.end(one.id, {"objects": count, "at": tx.now, "over": over, **more})
    except LooplineError:
        return not over
    return True
