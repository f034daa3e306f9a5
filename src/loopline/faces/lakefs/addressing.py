"""addressing: which data asset a repository is, and which version or branch an expression means.

Who may not is refused before anything is looked up, in the same words whether or not there is such a repository.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from loopline.errors import LooplineError, Refused
from loopline.faces.admit import admit
from loopline.faces.lakefs.commits import by_id
from loopline.faces.lakefs.errors import Fault, missing
from loopline.nouns.artifact import TREE
from loopline.nouns.name import AssetName, Named, Pointer, RefName, parse_ref
from loopline.nouns.staged import Working
from loopline.verbs import BY_NAME
from loopline.verbs.staging import FIRST, View, look

if TYPE_CHECKING:
    from starlette.requests import Request

    from loopline.faces.desk import Desk
    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.nouns.version import Version
    from loopline.verbs import Verb

READ, LIST, WRITE, DROP, BRANCH, TAG, COMMIT, MERGE, REVERT, PICK, DISCARD, STAGED, HISTORY, DIFF, NAME, REGISTER = (
    BY_NAME[name]
    for name in (
        "get", "ls", "add", "delete", "branch", "tag", "commit", "merge", "revert", "cherry_pick", "discard", "staged", "history",
        "diff", "bucket", "register",
    )
)  # fmt: skip
"""What somebody must be allowed to do."""
REPOSITORY: Final = re.compile(r"[a-z0-9][a-z0-9-]{2,62}\Z")
"""Names that a repository can be made under."""
KNOWN: Final = re.compile(r"[A-Za-z0-9._-]{1,255}\Z")
"""Names that one can be found under: data assets have more than the protocol makes."""
_STEP: Final = re.compile(r"([~^@$])([0-9]{0,9})")


@dataclass(frozen=True, slots=True)
class Repository:
    """A data asset under the name that clients know it by."""

    name: str
    asset: AssetName
    default: str
    """The branch that is shown first."""
    created_at: int


@dataclass(frozen=True, slots=True)
class Spot:
    """What an expression means."""

    version: Version | None
    """None: a branch on which nothing was committed yet."""
    ref: RefName | None = None
    """The branch that was named; None: a tag, a commit, or one before or beside another."""
    staged: bool = False
    """Whether what is staged on the branch counts."""
    strict: bool = False
    """Whether that was said, by `$`."""

    def view(self, loop: Loop, path: str | None = None) -> View:
        """Give what lies there, or what decides about one path."""
        if self.staged and self.ref is not None:
            return look(loop, self.ref, path)
        return View(None, self.files, Working(), ())

    @property
    def files(self) -> Version | None:
        """Give the version. Raise Fault 404 for what is one blob."""
        if self.version is not None and self.version.artifact.media_type != TREE:
            raise Fault(404, f"{self.version} is one blob, not files")
        return self.version


def find_repository(request: Request, name: str, *verbs: Verb) -> tuple[Loop, Repository]:
    """Give a repository that the caller may do all of this to. Raise Refused, or Fault 404 to whoever may know that."""
    desk: Desk = request.app.state.desk
    refusal: Refused | None = None
    admitted = False
    if not KNOWN.match(name):
        raise Fault(400, "invalid repository name")
    for asset, default in list(_meanings(desk.loop, name)):
        try:
            loops = [admit(request, verb, project=asset.project, assets=[str(asset)]) for verb in verbs]
        except Refused as error:
            refusal = refusal or error
            continue
        admitted = True
        found = repository_at(loops[0], name, asset, default)
        if found:
            return loops[0], found
    if refusal and not admitted:
        raise refusal
    raise missing("repository")


def _meanings(loop: Loop, name: str) -> Iterator[tuple[AssetName, str]]:
    """Give what a name may mean, with the branch that is shown first where somebody said that: a bucket's asset, an asset."""
    with loop.ledger.read() as tx:
        row = tx.buckets.find(name)
    if row:
        yield row.ref.asset, row.ref.ref
    yield AssetName(loop.project, "data", name), ""


def repository_at(loop: Loop, name: str, asset: AssetName, default: str = "") -> Repository | None:
    """Give an asset as a repository; None where it is not there."""
    with loop.ledger.read() as tx:
        here = tx.assets.find(asset)
        if here is None:
            return None
        names = [one.name.ref for one in tx.refs.of(asset) if not one.fixed]
    if not default:
        default = FIRST if FIRST in names or not names else names[0]
    return Repository(name, asset, default, here.created_at)


def named_branch(loop: Loop, repository: Repository, name: str) -> RefName:
    """Give a branch that is there. Raise Fault 404; 400 for a name that no ref can have, or that is an expression."""
    ref = ref_named(repository, name)
    with loop.ledger.read() as tx:
        here = tx.refs.find(ref)
        if (here is None and not _is_first(tx, ref)) or (here is not None and here.fixed):
            raise missing(f"branch {name!r}")
    return ref


def ref_named(repository: Repository, name: str) -> RefName:
    """Give the ref that a name would be. Raise Fault 400 for one that the protocol or a ref cannot have."""
    ref = RefName(repository.asset, name)
    if not name or _STEP.search(name):
        raise Fault(400, f"{name[:100]!r} cannot name a branch or a tag")
    try:
        parse_ref(str(ref), project=repository.asset.project)
    except LooplineError as error:
        raise Fault(400, error.message) from None
    return ref


def find_spot(loop: Loop, repository: Repository, expression: str) -> Spot:
    """Find what an expression means. Raise Fault 404, and 400 for what is none."""
    base, steps = _parsed(expression)
    with loop.ledger.read() as tx:
        spot = _base(tx, repository, base)
        for sign, count in steps:
            spot = _stepped(tx, spot, sign, count, expression)
    return spot


def find_version(loop: Loop, repository: Repository, expression: str) -> Version:
    """Find the version that an expression means. Raise Fault 404, also for a branch on which nothing was committed."""
    version = find_spot(loop, repository, expression).version
    if version is None:
        raise missing(f"a commit of {expression!r}")
    return version


def _parsed(expression: str) -> tuple[str, list[tuple[str, str]]]:
    found = re.match(r"[^~^@$]+", expression)
    if found is None or len(expression) > 1000:
        raise Fault(400, "invalid ref expression")
    rest = expression[found.end() :]
    steps = [(one[1], one[2]) for one in _STEP.finditer(rest)]
    if "".join(f"{sign}{count}" for sign, count in steps) != rest or any(s in "@$" and c for s, c in steps):
        raise Fault(400, "invalid ref expression")
    return found[0], steps


def _base(tx: Tables, repository: Repository, name: str) -> Spot:
    ref = RefName(repository.asset, name)
    here = tx.refs.find(ref)
    if here is not None:
        version = tx.versions.resolve(Pointer(ref.asset, Named(name)))
        return Spot(version) if here.fixed else Spot(version, ref, staged=True)
    if _is_first(tx, ref):
        return Spot(None, ref, staged=True)
    version_ = by_id(tx, repository.asset, name)
    if version_ is None:
        raise missing(f"ref {name!r}")
    return Spot(version_)


def _is_first(tx: Tables, ref: RefName) -> bool:
    """Tell whether a branch is the one that an asset without versions has."""
    return ref.ref == FIRST and not tx.refs.of(ref.asset) and tx.assets.find(ref.asset) is not None


def _stepped(tx: Tables, spot: Spot, sign: str, count: str, expression: str) -> Spot:
    if sign in "@$":
        if spot.ref is None:
            if sign == "$":
                raise Fault(400, f"{expression!r}: only a branch has something staged")
            return spot
        return Spot(spot.version, spot.ref, staged=sign == "$", strict=sign == "$")
    version, number = spot.version, int(count) if count else 1
    if version is None:
        raise missing(f"a commit of {expression!r}")
    steps, which = (number, 1) if sign == "~" else (min(number, 1), number)
    for _ in range(steps):
        line = version.line
        if len(line) < which:
            raise missing(f"ref {expression!r}")
        version = tx.versions.get(version.asset, line[which - 1])
    return Spot(version)
