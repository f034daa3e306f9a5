"""snapshot: the source tree of a project, stored as it stands now. Where nothing changed it costs a look at each file."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from loopline.datasets.path import check_path
from loopline.datasets.tree import build
from loopline.errors import Invalid
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry
from loopline.sdk.source import find_source

if TYPE_CHECKING:
    from loopline.settings import Settings
    from loopline.store.blobs import Blobs

_SETTLED_NS: Final = 2_000_000_000
"""A file changed so shortly before it was hashed may change again without a sign in its times."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Source as run."""

    tree: Digest
    commit: str | None
    files: int
    left_out: tuple[str, ...] = ()
    """Files that were not taken: too large to be source, or with a name that no tree can hold."""


class _Seen(msgspec.Struct, array_like=True):
    """What was known after the last snapshot."""

    files: dict[str, tuple[int, int, int, int, str]] = {}
    """Path → size, mtime, inode, mode, digest."""
    root: str = ""


def snapshot(blobs: Blobs, settings: Settings) -> Snapshot:
    """Store the project's source tree. Raise Unavailable where the store cannot be written."""
    root = settings.root.absolute()
    home = Path(settings.home).absolute()
    apart = (home, root / ".loopline", *(root / one.folder for one in settings.data))
    source = find_source(root, without=apart)
    index = home / "cache" / f"source-{sha256(os.fsencode(root)).hexdigest()[:16]}.index"
    before = _load(index)
    now = time.time_ns()
    files: dict[str, tuple[int, int, int, int, str]] = {}
    entries, odd, changed = [], [], False
    for name in source.files:
        try:
            check_path(name)
            found = (root / name).stat()
        except (Invalid, OSError):
            odd.append(name)
            continue
        mode = 0o755 if found.st_mode & 0o100 else 0o644
        facts = (found.st_size, found.st_mtime_ns, found.st_ino, mode)
        known = before.files.get(name)
        if known is not None and known[:4] == facts:
            digest, size = Digest(known[4]), found.st_size
        else:
            changed = True
            try:
                digest, size = blobs.put_file(root / name)
            except OSError:
                odd.append(name)
                continue
        entries.append(Entry(name, digest, size, mode))
        settled = found.st_mtime_ns < now - _SETTLED_NS
        files[name] = (*facts, digest) if settled else (-1, 0, 0, 0, digest)
    gone = blobs.missing({one.digest for one in entries})
    for at, one in enumerate(entries):
        if one.digest in gone:  # swept away since, or the index lied
            changed = True
            digest, size = blobs.put_file(root / one.path)
            entries[at] = Entry(one.path, digest, size, one.mode)
    if changed or not before.root or files.keys() != before.files.keys() or blobs.size(Digest(before.root)) is None:
        tree = build(blobs, entries)
        _save(index, _Seen(files, tree))
    else:
        tree = Digest(before.root)
    return Snapshot(tree, source.commit, len(entries), (*source.left_out, *odd))


def _load(index: Path) -> _Seen:
    try:
        return msgspec.msgpack.decode(index.read_bytes(), type=_Seen)
    except (OSError, ValueError):
        return _Seen()


def _save(index: Path, seen: _Seen) -> None:
    """Keep it for the next time. Where it cannot be written, the next snapshot takes longer, and that is all."""
    fresh = index.with_suffix(f".{os.getpid()}")
    try:
        index.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(msgspec.msgpack.encode(seen))
        fresh.replace(index)
    except OSError:
        fresh.unlink(missing_ok=True)
