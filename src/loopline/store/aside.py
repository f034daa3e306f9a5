"""aside: bytes that are not what their name says, moved to `damaged/` as they are, for who wants to know what happened."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from loopline.nouns.digest import digest_of
from loopline.store.files import make_durable, sync_folder, writing

if TYPE_CHECKING:
    from loopline.nouns.digest import Digest
    from loopline.store.local import LocalBlobs


def set_aside(blobs: LocalBlobs, digest: Digest) -> int:
    """Move damaged copies of a blob to `damaged/HEX.NUMBER`; give how many. A whole copy stays readable all the time."""
    ident = bytes.fromhex(digest[7:])
    folder = str(blobs.folder / "damaged")
    with writing(blobs.folder):
        loose, packed = blobs.file_of(ident), list(blobs.packs.every(ident))
        bad = [data for data in packed if digest_of(data) != digest]
        whole = next((data for data in packed if digest_of(data) == digest), None)
        wrong = is_wrong(loose, digest)
        if not bad and not wrong:
            return 0
        make_durable(folder)
        number = sum(1 for name in os.listdir(folder) if name.startswith(f"{ident.hex()}."))
        for data in bad:
            blobs.scratch.place(data, f"{folder}/{ident.hex()}.{number}")
            number += 1
        if wrong:
            os.rename(loose, f"{folder}/{ident.hex()}.{number}")
            blobs.forget_sums(ident)
        if whole is not None and not os.path.exists(loose):
            blobs.scratch.place(whole, loose)
        sync_folder(folder)
        sync_folder(blobs.loose)
        if bad:
            blobs.packs.delete(ident)
    return len(bad) + wrong


def is_wrong(name: str, digest: Digest) -> bool:
    """Tell whether a file is there and is not the blob that it should be."""
    import hashlib

    state = hashlib.sha256()
    try:
        with open(name, "rb", buffering=0) as file:
            while piece := file.read(1 << 20):
                state.update(piece)
    except FileNotFoundError:
        return False
    return state.hexdigest() != digest[7:]
