"""stage: write to a branch without making a version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from loopline.datasets.tree import Tree, build
from loopline.loop import Loop
from loopline.nouns.digest import Digest
from loopline.nouns.name import RefName
from loopline.nouns.staged import Staged, Staging
from loopline.store.leased import hold_on
from loopline.verbs.moving import at_home
from loopline.verbs.staging import gone, look, refold, stage_all


def stage(
    loop: Loop,
    ref: Annotated[RefName, "the branch: data/flights@main"],
    *,
    tree: Annotated[
        Digest | None, "root of the files to write, each at its path; its bytes must be in the store"
    ] = None,
    remove: Annotated[
        Sequence[str], "paths that go, before anything is written; one that ends with / with all below it"
    ] = (),
) -> Staging:
    """Write files to a branch, or remove some, without making a version: all of it is staged, or nothing.

    What is staged is seen by whoever reads the branch with it, such as clients of S3, until `commit` makes a version of it or
    `discard` forgets it. With nothing to write or remove it gives the tree of the branch with all that is staged.

    Example:
        loopline stage data/flights@main --remove old.csv
    """
    at_home(loop, ref.asset)
    hold_on(loop.blobs)
    said: list[Staged] = [gone(path, whole=path.endswith("/")) for path in remove]
    if tree is not None:
        said += [Staged(entry.path, entry) for entry in Tree(loop.blobs, tree).iter()]
    if said:
        stage_all(loop, ref, said)
        return Staging(ref, look(loop, ref, said[0].path).head, None)
    folded = refold(loop, ref)
    view = look(loop, ref)
    return Staging(ref, view.head, folded.root or view.root or build(loop.blobs, []))
