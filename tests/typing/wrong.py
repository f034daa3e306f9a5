"""Programs that a type checker must refuse. A line with `# error: code` has to give that error, and no other line any."""

from __future__ import annotations

from loopline.errors import Invalid
from loopline.nouns.artifact import Artifact
from loopline.nouns.change import Move
from loopline.nouns.digest import Digest, digest_of, parse_digest
from loopline.nouns.name import AssetName, Latest, Named, Numbered, RefName, Revision
from loopline.pipelines.step import step
from loopline.store.blobs import Blobs
from loopline.verbs.rollback import rollback


def a_text_is_no_digest(blobs: Blobs) -> None:
    blobs.read("sha256:" + "0" * 64)  # error: arg-type
    blobs.read(parse_digest("sha256:" + "0" * 64))
    blobs.read(digest_of(b""))


def a_noun_never_changes(artifact: Artifact, name: RefName) -> None:
    artifact.size = 3  # error: misc
    name.ref = "prod"  # error: misc


def a_move_says_what_it_saw(name: RefName) -> None:
    Move(name, new=2)  # error: call-arg
    Move(name, old=1, new=2)


def a_rollback_names_a_ref(loop: object, name: AssetName) -> None:
    rollback(loop, name)  # error: arg-type


def an_asset_is_no_ref(asset: AssetName) -> None:
    Move(asset, old=None, new=1)  # error: arg-type


def a_revision_is_one_of_four(revision: Revision) -> str:
    match revision:
        case Numbered(number):
            return number  # error: return-value
        case Named(ref):
            return ref
        case Latest():
            return "latest"
    return revision.ref  # error: attr-defined, no-any-return


@step
def doubled(number: int) -> int:
    return number * 2


def a_step_keeps_its_types() -> None:
    doubled("2")  # error: arg-type
    wrong: str = doubled(2)  # error: assignment
    del wrong


def an_error_has_a_kind() -> None:
    raise Invalid("no")  # error: call-arg


def a_digest_is_made_by_hashing() -> Digest:
    return "sha256:" + "0" * 64  # error: return-value
