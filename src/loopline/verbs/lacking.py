"""lacking: bytes that are missing or damaged, with the versions and refs that they touch.

Shared by `verify` and by whoever hands an error on to somebody: a store knows digests, a person knows names.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from loopline.errors import LooplineError
from loopline.nouns.artifact import MODEL, TREE
from loopline.nouns.digest import Digest

if TYPE_CHECKING:
    from loopline.loop import Loop
    from loopline.nouns.artifact import Artifact

KINDS: Final = frozenset({"blob-missing", "blob-corrupt"})
NODES: Final = 20_000
"""Nodes of trees that are read for one error: about a second. `verify` looks at all of them."""
VERSIONS: Final = 500
"""Versions that are looked at for one error: those that a ref stands at, then the newest."""
TOLD: Final = 6
"""Names in the message and in the fact `touches`; of further ones is said that there are some."""
HINT: Final = "loopline verify --deep names all that is lost; a backup, or adding the same file again, brings it back"


def name_touched(loop: Loop, error: LooplineError) -> None:
    """Let an error about lost bytes name the versions and refs that it touches, and the next step. Any other stays as it is.

    Nothing is named to whom a token keeps to some assets: the same bytes may be in others.
    """
    digest = error.facts.get("digest")
    if error.kind not in KINDS or not digest or "touches" in error.facts:
        return
    caller = loop.caller
    if caller is not None and not caller.open and caller.narrowed:
        return
    try:
        touches = touched(loop, Digest(digest))
    except LooplineError:  # the ledger has its own trouble: what is known is told
        return
    if touches:
        more = " and more" if len(touches) > TOLD else ""
        error.message += f"; it touches {', '.join(touches[:TOLD])}{more}"
        error.hint = error.hint if "source" in error.facts else HINT
        error.facts["touches"] = list(touches[:TOLD])


@contextmanager
def telling(loop: Loop) -> Iterator[None]:
    """Let what is raised about lost bytes name the versions and refs that it touches."""
    try:
        yield
    except LooplineError as error:
        name_touched(loop, error)
        raise


def touched(loop: Loop, digest: Digest) -> tuple[str, ...]:
    """Give versions that a blob is or is part of, each followed by the refs at it; what is current comes first.

    No more than one name beyond those that are told, which says that there are more.
    """
    with loop.ledger.read() as tx:
        versions = tx.versions.newest(loop.project, limit=VERSIONS)
    search = _Search(loop, digest)
    found: list[str] = []
    for version in versions:
        if search.has(version.artifact):
            with loop.ledger.read() as tx:
                refs = tx.refs.of(version.asset)
            found += [str(version), *(str(ref.name) for ref in refs if ref.target == version.number)]
        if len(found) > TOLD:
            break
    return tuple(found[: TOLD + 1])


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
