"""serving_commits: operations on commits and between refs: commit, log, diff, merge, revert, cherry-pick."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import Conflict
from loopline.faces.lakefs import differences
from loopline.faces.lakefs.addressing import (
    COMMIT,
    DIFF,
    HISTORY,
    MERGE,
    PICK,
    READ,
    REVERT,
    Repository,
    find_repository,
    find_spot,
    find_version,
    named_branch,
)
from loopline.faces.lakefs.asking import Ask, Page, amount_of, answer, applied
from loopline.faces.lakefs.commits import by_id, commit_of, id_of, kept_name, log, own_words
from loopline.faces.lakefs.errors import Fault
from loopline.nouns.name import Numbered, Pointer
from loopline.nouns.version import ORIGIN
from loopline.verbs.basing import Sides, bases_of, of_merge, of_pick, of_revert
from loopline.verbs.commit import commit
from loopline.verbs.merging import carry

if TYPE_CHECKING:
    from starlette.responses import Response

    from loopline.faces.lakefs.wire import (
        CherryPickCreation,
        CommitCreation,
        CommitOverrides,
        RevertCreation,
    )
    from loopline.faces.lakefs.wire import Merge as Merging
    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.nouns.merge import Choice, Merge
    from loopline.nouns.version import Version

_STRATEGIES: Final[dict[str, Choice | None]] = {"": None, "source-wins": "theirs", "dest-wins": "ours"}
LAST_DATE: Final = 253_402_300_800
"""The first second of the year 10000: clients keep a time in fewer bits, and show it as a date."""
_MOST: Final = 10_000
"""Commits that are looked at for one page: with more of them it has fewer rows, and says that there is more."""


def make_commit(ask: Ask) -> Response:
    """Commit."""
    said: CommitCreation = ask.body
    loop, repository = find_repository(ask.request, ask.names[0], COMMIT)
    ref = named_branch(loop, repository, ask.names[1])
    if ask.query.get("source_metarange"):
        raise Fault(501, "committing a metarange is not served here")
    published = commit(
        loop, ref, message=said.message, metadata=metadata_of(said.metadata, said.date),
        allow_empty=bool(said.allow_empty),
    )  # fmt: skip
    if published.change is None:
        raise Fault(400, "commit: no changes")
    applied(published.change)
    return _commit(loop, published.version, 201)


def metadata_of(words: Mapping[str, str] | None, date: int | None = None) -> dict[str, Any]:
    """Give what a version says about itself; with a date, that it was made then."""
    said: dict[str, Any] = {kept_name(name): value for name, value in (words or {}).items()}
    if date is not None:
        if not 0 <= date < LAST_DATE:
            raise Fault(400, "date is seconds since 1970-01-01, and before the year 10000")
        said[ORIGIN] = {"recorded_at": date * 1_000_000}
    return said


def _commit(loop: Loop, version: Version, status: int = 200) -> Response:
    with loop.ledger.read() as tx:
        return answer(commit_of(tx, version), status)


def get_commit(ask: Ask) -> Response:
    """getCommit: also of whatever else means one."""
    loop, repository = find_repository(ask.request, ask.names[0], HISTORY)
    return _commit(loop, find_version(loop, repository, ask.names[1]))


def log_commits(ask: Ask) -> Response:
    """logCommits: newest first; with objects or prefixes those that have changed one of them."""
    loop, repository = find_repository(ask.request, ask.names[0], HISTORY)
    spot = find_spot(loop, repository, ask.names[1])
    query, page, amount = ask.query, Page(), amount_of(ask)
    if spot.version is None:
        return page.answer()
    wanted = _paths(ask, "objects"), _paths(ask, "prefixes")
    stop = query.get("stop_at", "")
    with loop.ledger.read() as tx:
        end = by_id(tx, repository.asset, stop) if stop else None
        rows = log(tx, spot.version, query.get("after", ""), first_parent=ask.flag("first_parent"))
        for count, (version, behind) in enumerate(rows):
            if len(page.rows) == amount or count == _MOST:
                page.more = True
                break
            said = commit_of(tx, version)
            if _since(query.get("since", ""), said):
                break
            if _changes(loop, tx, version, *wanted):
                page.rows.append(said)
                page.more = False
            page.last = behind
            if (ask.flag("limit") and len(page.rows) == amount) or (end is not None and version == end):
                break
    return page.answer()


def _paths(ask: Ask, name: str) -> list[str]:
    from urllib.parse import parse_qs

    found = parse_qs(ask.request.scope["query_string"].decode("latin-1"), keep_blank_values=False)
    return [one for text in found.get(name, ()) for one in [text] if one]


def _since(text: str, said: Mapping[str, Any]) -> bool:
    """Tell whether a commit was made before a time. Raise Fault 400."""
    if not text:
        return False
    from datetime import UTC, datetime

    try:
        at = datetime.fromisoformat(text)
        return bool(said["creation_date"] < (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise Fault(400, "since is a time: 2026-07-31T00:00:00Z") from None


def _changes(loop: Loop, tx: Tables, version: Version, objects: list[str], prefixes: list[str]) -> bool:
    """Tell whether a commit has changed one of some paths against the commit before it."""
    if not objects and not prefixes:
        return True
    before = tx.versions.find(version.asset, version.line[0]) if version.line else None
    a, b = differences.of_version(before), differences.of_version(version)
    found = (path for one in [*objects, *prefixes] for path, _ in differences.two_dots(loop, a, b, one))
    return any(path in objects or path.startswith(tuple(prefixes)) for path in found)


def diff_refs(ask: Ask) -> Response:
    """diffRefs: three dots where nothing else is said."""
    loop, repository = find_repository(ask.request, ask.names[0], DIFF)
    left, right = (find_spot(loop, repository, one) for one in ask.names[1:3])
    kind, prefix = ask.query.get("type", "") or "three_dot", ask.query.get("prefix", "")
    if kind not in ("two_dot", "three_dot"):
        raise Fault(400, "type is two_dot or three_dot")
    rows, over = differences.between(loop, left, right, dots=2 if kind == "two_dot" else 3, prefix=prefix)
    if not ask.flag("include_right_stats"):
        return differences.answered(ask, rows)
    at = right.version.recorded_at if right.version else 0
    return differences.answered(ask, rows, loop=loop, right=over, at=at)


def merge_into(ask: Ask) -> Response:
    """mergeIntoBranch: nothing is kept of a merge whose paths clash."""
    said: Merging = ask.body
    loop, repository = find_repository(ask.request, ask.names[0], MERGE)
    source = find_version(loop, repository, ask.names[1])
    ref = named_branch(loop, repository, ask.names[2])
    if (said.strategy or "") not in _STRATEGIES:
        raise Fault(400, "strategy is source-wins or dest-wins")
    pointer = Pointer(source.asset, Numbered(source.number))
    message = said.message or f"Merge {ask.names[1]!r} into {ref.ref!r}"

    def sides(tx: Tables) -> Sides:
        found = of_merge(tx, loop, pointer, ref, message=message)
        return replace(found, metadata=metadata_of(said.metadata), joining=not said.squash_merge)

    merged = _carried(loop, sides, prefer=_STRATEGIES[said.strategy or ""], reference="")
    if merged.version is None:
        if not said.allow_empty:
            raise Fault(400, "merge: no changes")
        return answer({"reference": id_of(find_version(loop, repository, ref.ref))})
    return answer({"reference": id_of(merged.version)})


def _carried(loop: Loop, sides: Any, *, prefer: Choice | None = None, **more: Any) -> Merge:
    """Merge, with a version of its own also where the branch has nothing of its own. Raise Fault 409, 403."""
    try:
        merged = carry(loop, sides, forward=False, prefer=prefer, waiting=False)
    except Conflict as error:
        if error.kind != "merge-clashes":
            raise
        raise Fault(409, error.message, paths=error.facts["paths"], **more) from None
    applied(merged.change)
    return merged


def merge_base(ask: Ask) -> Response:
    """FindMergeBase."""
    loop, repository = find_repository(ask.request, ask.names[0], HISTORY)
    source, into = (find_version(loop, repository, one) for one in ask.names[1:3])
    with loop.ledger.read() as tx:
        base = next(iter(bases_of(tx, into, source)), None)
    if base is None:
        raise Fault(404, "they have no commit in common")
    names = ("source_commit_id", "destination_commit_id", "base_commit_id")
    return answer({name: id_of(one) for name, one in zip(names, (source, into, base), strict=True)})


def revert_branch(ask: Ask) -> Response:
    """RevertBranch."""
    said: RevertCreation = ask.body
    loop, repository, version = _named(ask, REVERT, said.ref)
    ref = named_branch(loop, repository, ask.names[1])
    parent = _parent(version, said.parent_number, status=409)
    pointer, over = Pointer(version.asset, Numbered(version.number)), said.commit_overrides
    message = (over.message if over else None) or f"Revert {said.ref}"

    def sides(tx: Tables) -> Sides:
        return _over(of_revert(tx, loop, pointer, ref, parent=parent, message=message), over)

    merged = _carried(loop, sides)
    if merged.version is None and not said.allow_empty:
        raise Fault(400, "revert: no changes")
    return answer()


def cherry_pick(ask: Ask) -> Response:
    """CherryPick."""
    said: CherryPickCreation = ask.body
    loop, repository, version = _named(ask, PICK, said.ref)
    ref = named_branch(loop, repository, ask.names[1])
    parent = _parent(version, said.parent_number or (1 if len(version.parents) > 1 else 0), status=400)
    pointer, over = Pointer(version.asset, Numbered(version.number)), said.commit_overrides

    def sides(tx: Tables) -> Sides:
        found = of_pick(tx, loop, pointer, ref, parent=parent, message=(over.message if over else None) or "")
        return _over(replace(found, metadata=metadata_of(own_words(version))), over)

    merged = _carried(loop, sides)
    if merged.version is None:
        raise Fault(400, "cherry-pick: no changes")
    return _commit(loop, merged.version, 201)


def _over(sides: Sides, over: CommitOverrides | None) -> Sides:
    return replace(sides, metadata=metadata_of(over.metadata)) if over and over.metadata else sides


def _named(ask: Ask, verb: Any, expression: str) -> tuple[Loop, Repository, Version]:
    loop, repository = find_repository(ask.request, ask.names[0], verb, READ)
    return loop, repository, find_version(loop, repository, expression)


def _parent(version: Version, number: int, *, status: int) -> int | None:
    """Give the parent that a number from 1 on means; 0: the only one. Raise Fault."""
    if number == 0 and len(version.parents) > 1:
        raise Fault(status, "this is a merge commit: say the number of a parent")
    if not 0 <= number <= max(len(version.parents), 1):
        raise Fault(400, f"it has {len(version.parents)} parents")
    return version.line[number - 1] if number and version.parents else None
