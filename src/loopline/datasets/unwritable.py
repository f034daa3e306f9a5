"""unwritable: why a file could not be put where it belongs."""

from __future__ import annotations

import errno

from loopline.errors import Unavailable


def failed(path: str, error: OSError) -> Unavailable:
    """Say it of the file at `path`: kind="disk-full" or "folder-unwritable"."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unavailable(
            f"no space left to write {path}", kind="disk-full", hint="free some space, then repeat", path=path
        )
    return Unavailable(
        f"cannot write {path}: {error.strerror}",
        kind="folder-unwritable",
        hint="check the folder's permissions, then repeat",
        path=path,
        errno=error.errno,
    )
