"""shelved: what others have pushed to a store. No row of its ledger names that: manifests in the store do (`sdk/shelf.py`)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from loopline.nouns.digest import Digest
from loopline.store.named import Named, named_of

FOLDER: Final = "assets"
_FILE: Final = re.compile(r"[0-9]{1,18}-([0-9a-f]{64})\.json\Z")


def shelved(blobs: object) -> Iterator[tuple[str, Digest, str]]:
    """Give each version: the name of its manifest, the root of its files, and what it says of itself.

    One that cannot be read still keeps its files; of what else it names nobody knows. Raise Unavailable where
    names cannot be listed.
    """
    named = named_of(blobs)
    if named is None:
        return
    for name in named.walk(FOLDER):
        if found := _FILE.match(name.rpartition("/")[2]):
            yield name, Digest("sha256:" + found[1]), _said(named, name)


def _said(named: Named, name: str) -> str:
    """Give the metadata without where it was pulled from: those who come from there have that themselves."""
    text = (named.find(name) or b"").decode("utf-8", "replace")
    try:
        metadata = json.loads(text)["metadata"]
        return json.dumps({key: value for key, value in metadata.items() if key != "origin"})
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return text
