"""adopting: what a repository of DVC keeps, as versions of data assets here, as they are now or commit by commit."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from loopline.datasets.dvcobjects import ordered
from loopline.datasets.dvcyaml import OURS, Out
from loopline.datasets.only import Only
from loopline.datasets.scan import mode_of
from loopline.datasets.tree import Tree, build
from loopline.errors import Conflict, Invalid, NotFound
from loopline.nouns.adoption import Adopted
from loopline.nouns.change import ChangeState, Published
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry
from loopline.nouns.name import AssetName, Named, Numbered, Pointer, RefName
from loopline.sdk.client import Local
from loopline.sdk.dvctaking import Taking
from loopline.verbs.add import add
from loopline.verbs.get import get

if TYPE_CHECKING:
    from loopline.nouns.progress import Report
    from loopline.nouns.version import Version
    from loopline.sdk.client import Client
    from loopline.sdk.dvcrepo import Commit, Repository
    from loopline.store.keyed import Keyed

DVC: Final = "dvc"
"""Under this name the metadata of a version say what it is in DVC."""
SHOWN: Final = 20
"""Files that are named of those that were not found."""
_DATA: Final = "data/"


@dataclass(frozen=True, slots=True)
class Terms:
    """How to adopt."""

    only: tuple[str, ...] = ()
    """Patterns of paths, as in .gitignore; empty: all that DVC keeps itself."""
    names: Mapping[str, AssetName] | None = None
    """Assets by path, where they shall not be called as the path is."""
    branch: str = "main"
    message: str = ""
    history: bool = False
    """Whether each commit of Git that changed something becomes a version."""
    remote: str = ""
    """The remote to ask, instead of the one that DVC would."""
    in_place: bool = False
    """Whether objects of the cache and of the remote stay where they lie, and are read there from then on."""


class Adopting:
    """Adopts one repository into one project."""

    def __init__(
        self, client: Client, repository: Repository, terms: Terms, *, opening: Callable[[str, Mapping[str, str]], Keyed],
        report: Report, dry: bool = False,
    ) -> None:  # fmt: skip
        self._client, self._repository, self._terms, self._dry = client, repository, terms, dry
        self._only = Only(terms.only)
        loop = client.loop if isinstance(client, Local) else None
        self._taking = Taking(
            client.blobs, repository, loop=loop, opening=opening, remote=terms.remote, in_place=terms.in_place, report=report
        )  # fmt: skip

    def run(self) -> tuple[Adopted, ...]:
        """Adopt what is chosen, one after the other; what lacks bytes stops none of the others.

        Raise Invalid kind="bad-dvc-file", NotFound kind="no-outs"; with a history Invalid kind="no-git", and Conflict
        kind="other-line" where a branch stands at something that is not of it.
        """
        if self._terms.history:
            return self._histories()
        outs = self._repository.outs()
        assets = self._named(outs)
        return tuple(self._one(out, assets[path]) for path, out in sorted(outs.items()) if self._only(path))

    def _named(self, paths: Collection[str]) -> dict[str, AssetName]:
        """Give each path the name that is said, or its own without a `data/` in front where that leaves it a name of its own."""
        said = self._terms.names or {}
        strange = sorted(said.keys() - set(paths))
        if strange or not any(map(self._only, paths)):
            raise NotFound(
                f"DVC keeps no {strange[0]} here" if strange else f"DVC keeps nothing in {self._repository.root} that is meant",
                kind="no-outs", hint="dvc list . --dvc-only -R tells what it keeps",
                path=strange[0] if strange else str(self._repository.root),
            )  # fmt: skip
        found, seen = dict[str, AssetName](), dict[AssetName, str]()
        for path in sorted(paths):
            short = path.removeprefix(_DATA)
            name = path if short in paths else short
            asset = found[path] = said.get(path) or AssetName(self._client.project, "data", name)
            if (other := seen.setdefault(asset, path)) != path:
                raise Invalid(
                    f"{other} and {path} would both be {asset}", kind="same-name",
                    hint=f"give one another name: --name {path}=data/NAME", asset=str(asset), paths=[other, path],
                )  # fmt: skip
        return found

    def _one(self, out: Out, asset: AssetName) -> Adopted:
        """Adopt an out as it is now."""
        plain = Adopted(str(asset), out.path, "skipped")
        if out.wrong:
            return replace(plain, note=out.wrong)
        if not out.cached and not self._terms.only:
            return replace(
                plain, note="Git keeps it, not DVC (cache: false); name it by --only to adopt it all the same"
            )
        root, told = self._tree(out, plain)
        if root is None:
            return told
        commit = self._repository.last(out)
        return self._publish(out, asset, root, told, said={"commit": commit} if commit else {})

    def _histories(self) -> tuple[Adopted, ...]:
        """Adopt commit by commit, one asset after the other."""
        line = [(commit, self._repository.outs_at(commit.id)) for commit in self._repository.commits()]
        assets = self._named({path for _, outs in line for path in outs})
        order = {commit.id: at for at, (commit, _) in enumerate(line)}
        return tuple(
            self._line(asset, [(commit, outs[path]) for commit, outs in line if path in outs], order)
            for path, asset in sorted(assets.items())
            if self._only(path)
        )

    def _line(self, asset: AssetName, line: Sequence[tuple[Commit, Out]], order: Mapping[str, int]) -> Adopted:
        """Make a version of each commit that changed an out, in their order; where bytes of one are lacking, it ends there."""
        reached = self._reached(asset, order)
        told, last = Adopted(str(asset), line[-1][1].path, "unchanged", version=self._version_of(asset)), None
        for commit, out in line:
            if out.wrong or (not out.cached and not self._terms.only) or out.key == last:
                continue
            last = out.key
            if order[commit.id] <= reached:
                continue
            root, now = self._tree(out, replace(told, versions=0))
            if root is not None:
                now = self._publish(out, asset, root, now, commit=commit)
            made = int(now.state == "planned") or now.versions
            told = replace(now, versions=told.versions + made)
            if told.state == "waiting":
                told = replace(told, note="once its change is applied, the same command adds what came after it")
            if told.state in ("lacking", "waiting"):
                break  # versions come in their order, or not at all
        return replace(told, state="adopted") if told.versions and told.state == "unchanged" else told

    def _reached(self, asset: AssetName, order: Mapping[str, int]) -> int:
        """Say up to which commit a branch has the history: -1 where it has none. Raise Conflict kind="other-line"."""
        here = self._at(asset)
        if here is None:
            return -1
        said = here.metadata.get(DVC)
        commit = said.get("commit", "") if isinstance(said, dict) else ""
        if commit not in order:
            ref = RefName(asset, self._terms.branch)
            raise Conflict(
                f"{ref} stands at version {here.number}, which is of no commit of this history", kind="other-line",
                hint="name another branch by --branch", ref=str(ref), number=here.number,
            )  # fmt: skip
        return order[commit]

    def _tree(self, out: Out, plain: Adopted) -> tuple[Digest | None, Adopted]:
        """Take an out's bytes and make their tree; None where some are nowhere or no tree holds them, and in a rehearsal."""
        try:
            return self._taken(out, plain)
        except Invalid as error:
            return None, replace(plain, state="lacking", note=f"{error.message}: {error.hint}")

    def _taken(self, out: Out, plain: Adopted) -> tuple[Digest | None, Adopted]:
        files = self._taking.files(out)
        if files is None:
            return None, self._lacking(replace(plain, files=0), out, [f"the list of its files ({out.value})"])
        known = self._taking.known(out, files.values())
        wishes = self._taking.wishes(out, files, known)
        if self._dry:
            return None, self._planned(out, files, plain)
        got = {**known, **self._taking.take(out, wishes)}
        told = replace(plain, files=len(files))
        lacking = [path for path in ordered(files) if files[path] not in got]
        if lacking:
            return None, self._lacking(told, out, lacking)
        runs = self._executable(out, files)
        entries = (
            Entry(path, *got[files[path]], mode=0o755 if path in runs else 0o644) for path in ordered(files)
        )  # fmt: skip
        root = build(self._client.blobs, entries)
        return root, replace(told, bytes=Tree(self._client.blobs, root).bytes)

    def _planned(self, out: Out, files: Mapping[str, str], plain: Adopted) -> Adopted:
        known = self._taking.known(out, files.values())
        seen = self._taking.look(out, self._taking.wishes(out, files, known))
        lacking = [path for path in ordered(files) if files[path] not in known and files[path] not in seen]
        counts: dict[str, int] = {}
        size = 0
        for value in files.values():
            if value in known or value in seen:
                kind, more = ("store", known[value].size) if value in known else seen[value]
                counts[kind], size = counts.get(kind, 0) + 1, size + more
        told = replace(
            plain, state="planned", files=len(files), bytes=size, sources=tuple(sorted(counts.items()))
        )  # fmt: skip
        return self._lacking(told, out, lacking) if lacking else told

    def _lacking(self, told: Adopted, out: Out, paths: Sequence[str]) -> Adopted:
        unread = self._taking.unread
        why = f"; not asked: {', '.join(f'{name} ({kind})' for name, kind in sorted(unread.items()))}" if unread else ""
        what = out.file if not out.stage else posixpath.join(posixpath.dirname(out.file), out.stage)
        note = f"dvc pull {what}, then the same command: what was read is not read again{why}"
        return replace(told, state="lacking", lacking=tuple(paths[:SHOWN]), lacks=len(paths), note=note)

    def _executable(self, out: Out, files: Mapping[str, str]) -> set[str]:
        """Say which files their owner may execute: DVC's file says so where it is ours, or the workspace."""
        if out.executable is not None:
            return set(out.executable)
        found = set()
        for path in files:
            at: Path = self._repository.root / out.path
            try:
                if mode_of((at / path if out.folder else at).stat()) == 0o755:
                    found.add(path)
            except (OSError, ValueError):
                continue
        return found

    def _publish(
        self, out: Out, asset: AssetName, root: Digest, told: Adopted, *, commit: Commit | None = None,
        said: Mapping[str, str] | None = None,
    ) -> Adopted:  # fmt: skip
        """Add a version, unless the branch has it."""
        facts: dict[str, Any] = {
            "path": out.path, "file": out.file, "value": out.value, "algorithm": out.algorithm, "folder": out.folder,
            "stage": out.stage, "repository": self._repository.address, **(said or {}), **_facts(out.facts),
        }  # fmt: skip
        if commit:
            facts |= {"commit": commit.id, "author": commit.author, "at": commit.at}
        published: Published = self._client.do(
            add, asset, tree=root, branch=self._terms.branch,
            message=self._terms.message or (commit.message if commit else f"adopt {out.path} from DVC"),
            event_time=commit.at * 1_000_000 if commit else None,
            metadata={"files": told.files, "bytes": told.bytes, DVC: {key: one for key, one in facts.items() if one != ""}},
        )  # fmt: skip
        state = "adopted"
        if published.change is None:
            state = "unchanged"
        elif published.change.state is not ChangeState.APPLIED:
            state = "waiting"
        made = int(published.change is not None)
        return replace(told, state=state, version=str(published.version), versions=made)  # type: ignore[arg-type]

    def _at(self, asset: AssetName) -> Version | None:
        try:
            version: Version = self._client.do(get, Pointer(asset, Named(self._terms.branch)))
        except NotFound:
            return None
        return version

    def _version_of(self, asset: AssetName) -> str:
        here = self._at(asset)
        return str(Pointer(asset, Numbered(here.number))) if here else ""


def _facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Give what DVC's file says besides, without what we have written there ourselves."""
    told = dict(facts)
    if isinstance(meta := told.get("meta"), dict):
        told["meta"] = {str(key): one for key, one in meta.items() if key != OURS}
    return {key: one for key, one in told.items() if one != {}}
