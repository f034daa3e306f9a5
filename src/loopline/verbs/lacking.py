"""lacking: bytes that are missing or damaged, with the versions and refs that they touch.

Shared by `verify` and by whoever hands an error on to somebody: a store knows digests, a person knows names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from loopline.errors import LooplineError
from loopline.nouns.artifact import MODEL, TREE
from loopline.nouns.digest import Digest

if TYPE_CHECKING:
    from loopline.loop import Loop
    from loopline.nouns.artifact import Artifact
    from loopline.nouns.version import Version

KINDS: Final = frozenset({"blob-missing", "blob-corrupt"})
NODES: Final = 20_000
"""Nodes of trees that are read for one error: about a second. `verify` looks at all of them."""
TOLD: Final = 6
"""Names in the message; the fact `touches` has all that were found."""
ALL: Final = 100_000
HINT: Final = "loopline verify --deep names all that is lost; a backup, or adding the same file again, brings it back"


def name_touched(loop: Loop, error: LooplineError) -> None:
    """Let an error about lost bytes name the versions and refs that it touches, and the next step. Any other stays as it is.

    Nothing is named to whom a token keeps to some assets: the same bytes may be in others.
    """
    digest = error.facts.get("digest")
    if error.kind not in KINDS or not digest or "touches" in error.facts or _narrowed(loop):
        return
    try:
        touches = touched(loop, Digest(digest))
    except LooplineError:  # the ledger has its own trouble: what is known is told
        return
    if touches:
        more = f" and {len(touches) - TOLD} more" if len(touches) > TOLD else ""
        error.message += f"; it touches {', '.join(touches[:TOLD])}{more}"
        error.hint = HINT
        error.facts["touches"] = list(touches)


def touched(loop: Loop, digest: Digest) -> tuple[str, ...]:
    """Give the versions that a blob is or is part of, each followed by the refs at it; what is current comes first."""
    refs = refs_of(loop)
    search = _Search(loop, digest)
    found: dict[str, None] = {}
    for version in sorted(versions_of(loop), key=lambda one: str(one) not in refs):
        if search.has(version.artifact):
            found |= dict.fromkeys((str(version), *refs.get(str(version), ())))
    return tuple(found)


def versions_of(loop: Loop) -> list[Version]:
    """Give every version of the project."""
    with loop.ledger.read() as tx:
        assets = tx.assets.list(loop.project, limit=ALL)
        return [version for asset in assets for version in tx.versions.list(asset.name, limit=ALL)]


def refs_of(loop: Loop) -> dict[str, list[str]]:
    """Give the names of refs by the version that they stand at."""
    found: dict[str, list[str]] = {}
    with loop.ledger.read() as tx:
        for ref in tx.refs.list(loop.project, limit=ALL):
            found.setdefault(f"{ref.name.asset}@{ref.target}", []).append(str(ref.name))
    return found


class _Search:
    """Looks for one digest in trees. Versions share most of their nodes: each is read once."""

    def __init__(self, loop: Loop, digest: Digest) -> None:
        self._blobs, self._digest = loop.blobs, digest
        self._known: dict[Digest, bool] = {}

    def has(self, artifact: Artifact) -> bool:
        """Tell whether an artifact is that blob or holds it."""
        if artifact.digest == self._digest:
            return True
        return artifact.media_type in (TREE, MODEL) and self._below(artifact.digest, None)

    def _below(self, root: Digest, above: int | None) -> bool:
        if root not in self._known:
            self._known[root] = len(self._known) < NODES and self._looked_up(root, above)
        return self._known[root]

    def _looked_up(self, root: Digest, above: int | None) -> bool:
        from loopline.datasets.nodes import decode, to_digest

        try:
            node = decode(self._blobs.read(root), root)
        except LooplineError:  # lost as well: nobody knows what was in it
            return False
        below = {to_digest(node.id(at)) for at in range(len(node.keys))}
        if self._digest in below:
            return True
        deeper = node.level > 0 and (above is None or node.level < above)
        return deeper and any(self._below(one, node.level) for one in below)


def _narrowed(loop: Loop) -> bool:
    caller = loop.caller
    return caller is not None and not caller.open and any(scope.assets != "*" for scope in caller.scopes)
