"""merge: two lines of versions become one, with files of this machine where they clash."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

from loopline.errors import Invalid
from loopline.nouns.merge import Choice
from loopline.nouns.name import RefName

if TYPE_CHECKING:
    from loopline.cli.place import Place
    from loopline.nouns.merge import Merge


def merge(
    where: Place,
    words: Annotated[
        tuple[str, ...], "what is merged, and into which ref; with --take: paths, folders/ or patterns"
    ] = (),
    *,
    into: Annotated[RefName | None, "the ref; without it, main of the asset, or the one merge that is open"] = None,
    message: Annotated[str, "-m", "what the merge is for"] = "",
    ff: Annotated[bool, "go to the other version itself where the ref has nothing of its own"] = True,
    take: Annotated[str, "for paths that clash: ours, theirs, base, or a file of this machine (named so: ./ours)"] = "",
    continue_: Annotated[bool, "go on with the open merge, where something was taken for each path"] = False,
    abandon: Annotated[bool, "give the open merge up; the ref stays where it is"] = False,
) -> Merge:
    """Merge a version into a ref: path by path, against what both come from.

    What only one side has changed is taken. Where both have, in ways that exclude each other, the paths clash and the merge waits
    (exit code 5): `loopline merges REF` lists them, `--take` chooses, `--continue` finishes. In a pattern `*` stands for `/`
    as well.

    Example:
        loopline merge data/flights@fix data/flights@main
        loopline merge --take theirs 'jan/*'
        loopline merge --continue
    """
    from loopline.nouns.name import parse_ref
    from loopline.verbs.merge import merge as ask

    asked: dict[str, Any] = {"into": into, "message": message, "ff": ff}
    if take:
        return where.client.do(ask, **asked, **_taken(where, take), paths=words, continue_=continue_, abandon=abandon)
    places = list(words)
    if not (continue_ or abandon):
        asked["source"] = places.pop(0) if places else None
    if places and into is None:
        asked["into"] = parse_ref(places.pop(0), project=where.settings.project)
    if places:
        raise Invalid(
            f"{places[0]!r} is one word too many", kind="extra-word", hint="loopline merge data/flights@fix data/flights@main",
            word=places[0],
        )  # fmt: skip
    return where.client.do(ask, **asked, continue_=continue_, abandon=abandon)


def _taken(where: Place, take: str) -> dict[str, Any]:
    """Say what is taken; a file of this machine is stored first."""
    if take in get_args(Choice) and take != "file":
        return {"take": take}
    from loopline.sdk.values import store

    file = Path(take)
    if not file.is_file():
        raise Invalid(
            f"{take!r} is no side and no file here",
            kind="bad-choice",
            hint="take ours, theirs, base, or name a file",
            path=take,
        )
    return {"take": "file", "digest": store(where.client.blobs, file, scratch=where.client.work).digest}
