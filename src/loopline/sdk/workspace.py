"""workspace: folders as versions, and versions as folders that people work in.

A folder that was checked out or added remembers which branch and version it stands at, in the loop's home on this machine.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from loopline.datasets.index import Index, unwritable
from loopline.datasets.only import Only
from loopline.datasets.parts import WHOLE, Parts
from loopline.datasets.standing import status as compare
from loopline.errors import Conflict, Invalid, NotFound, Unavailable
from loopline.loop import silent
from loopline.nouns.artifact import TREE
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Difference
from loopline.nouns.name import AssetName, Hashed, Named, Numbered, Pointer, RefName, parse_asset
from loopline.nouns.progress import Report
from loopline.nouns.version import Version
from loopline.sdk.client import Client
from loopline.sdk.lock import Lock, Locked
from loopline.sdk.standing import Stand, Standing, index_file, notes, read_note, straight
from loopline.store.files import Scratch
from loopline.verbs.get import get

if TYPE_CHECKING:  # what writes is loaded by whoever writes: `status` does not
    from loopline.datasets.build import Built
    from loopline.datasets.checkout import CheckedOut
    from loopline.nouns.change import Published
    from loopline.sdk.watched import Watched
    from loopline.settings import Settings


class Workspace:
    """The working folders of one project on this machine. One thread at a time."""

    def __init__(self, client: Client, settings: Settings, *, dry: bool = False, report: Report = silent) -> None:
        self._client = client
        self._settings = settings
        self._dry = dry
        """Whether the ledger forgets what it is told: then this machine remembers nothing either."""
        self._report = report
        self._lock = Lock(settings.root.absolute())
        self.said: list[str] = []
        """What whoever asked should be told beside the answer."""

    def folder_of(self, asset: AssetName) -> Path:
        """Give the folder that the project declares for an asset, the one of its name below the root, or the one it was in.

        Raise Invalid kind="which-folder" where it was in several.
        """
        declared = next((one.folder for one in self._settings.data if one.asset == str(asset)), "")
        usual = self._settings.root / (declared or str(asset))
        if declared or usual.is_dir():
            return usual
        known = [folder for name, folder in self.folders() if name == asset]
        if len(known) > 1:
            raise Invalid(
                f"{asset} is in several folders here", kind="which-folder", hint=f"name one: {self._shown(known[0])}",
                folders=[self._shown(one) for one in known],
            )  # fmt: skip
        return known[0] if known else usual

    def stand(self, folder: Path) -> Stand | None:
        """Tell what a folder holds; None where it was never added nor checked out here."""
        return read_note(self._note(folder))

    def add(
        self,
        asset: AssetName,
        folder: Path | None = None,
        *,
        parts: Parts = WHOLE,
        branch: str = "",
        message: str = "",
        event_time: int | None = None,
        anew: bool = False,
        mixed: bool = False,
    ) -> Published:
        """Publish the folder's files as the next version on a branch: by default the one that it was checked out from.

        Raise Conflict kind="ref-moved" where the branch has gone on since the folder was last in step with it. The first
        version on a branch that is not there yet begins where the folder stands. Of a folder that holds a part of its version,
        the other files stay as they are there; so do all but `parts` of the folder, which are not looked at. With `anew` files
        are read, whatever their stamps say.

        Raise Conflict kind="checkout-unfinished" where a checkout was cut short and the folder may hold files of two versions,
        unless they are meant to be added `mixed`.
        """
        from loopline.nouns.change import ChangeState
        from loopline.verbs.add import add

        where = self._where(asset, folder)
        index = self._index(where)
        stand = self._caught_up(asset, where, index)
        branch = branch or (stand.branch if stand else "") or "main"
        if not mixed:
            self._refuse_mixed(asset, where, index)
        self._tend(where, parts)
        watched = self._watched(where, index, parts)
        built = self._built(asset, where, index, stand, branch=branch, parts=parts, anew=anew)
        if not built.files:
            raise Invalid(
                f"{where} holds no files",
                kind="no-files",
                hint="name the folder that holds the data",
                folder=str(where),
            )
        expect = stand.number if stand and stand.branch in ("", branch) else None
        if stand and self._target(RefName(asset, branch)) is None:
            from loopline.verbs.branch import branch as make_branch

            self._client.do(make_branch, asset, branch, at=Numbered(stand.number))
            expect = None
        published = self._client.do(
            add, asset, tree=built.root, branch=branch, message=message, expect=expect, event_time=event_time,
            metadata={"files": built.files, "bytes": built.bytes, **self._declared_key(asset)},
        )  # fmt: skip
        if published.change is None or published.change.state is ChangeState.APPLIED:
            stand = Stand(str(where), str(asset), branch, published.version.number, stand.only if stand else ())
            self._remember(index, stand, published.version)
            self._tie(stand, published.version)
        elif noted := self._own(where, asset):
            self._note_down(replace(noted, waits=published.version.number))
        if watched is not None:
            watched.keep(index)
        return published

    def _built(
        self, asset: AssetName, where: Path, index: Index, stand: Stand | None, *, branch: str, parts: Parts, anew: bool
    ) -> Built:
        """Store a folder, or parts of it, and give the whole of what its next version holds."""
        from loopline.datasets.build import build_folder, build_parts

        if parts:
            only, base = Only(stand.only if stand else ()), self._base(asset, where, stand, branch)
            return build_parts(self._client.blobs, where, index, parts, base, only=only, anew=anew, report=self._report)
        built = build_folder(self._client.blobs, where, index, anew=anew, report=self._report)
        return self._whole(built, stand, asset) if stand and stand.only else built

    def _caught_up(self, asset: AssetName, where: Path, index: Index) -> Stand | None:
        """Give where a folder stands: at the newest version of its branch, where that was made of it.

        By an add that was killed before it could be noted, or one whose version had to wait for a policy.
        """
        stand = self._own(where, asset)
        if stand is None or not stand.branch or (stand.waits is None and index.tree is None):
            return stand
        try:
            newest: Version = self._client.do(get, Pointer(asset, Named(stand.branch)))
        except NotFound:
            return stand
        made = newest.parents == (stand.number,) and newest.artifact.digest == index.tree
        return replace(stand, number=newest.number) if made or newest.number == stand.waits else stand

    def _base(self, asset: AssetName, where: Path, stand: Stand | None, branch: str) -> Digest:
        """Give the tree that a part of a folder changes: that of the version that the folder stands at."""
        if stand:
            version: Version = self._client.do(get, Pointer(asset, Numbered(stand.number)))
            return version.artifact.digest
        if self._target(RefName(asset, branch)) is not None:
            raise Invalid(
                f"{self._shown(where)} was never added or checked out as {asset}, so a part of it changes no version",
                kind="no-version-here", hint=f"loopline checkout {asset}@{branch} {self._shown(where)}",
                folder=self._shown(where),
            )  # fmt: skip
        from loopline.datasets.tree import EMPTY

        return EMPTY

    def _tend(self, where: Path, parts: Parts = WHOLE) -> None:
        """Part from the store what was written through a link in a folder that was checked out with links, and say so."""
        if self._note(where).with_suffix(".linked").exists() and not self._dry:
            from loopline.sdk.linking import tend

            self.said += tend(self._client, where, self._index(where), parts)

    def _watched(self, where: Path, index: Index, parts: Parts) -> Watched | None:
        """Ask who watches a folder what has changed; None where nobody was ever asked to."""
        if not index.file.with_suffix(".watch").exists():
            return None
        from loopline.sdk.watched import Watched

        watched = Watched(where, index.file)
        if parts:
            watched.stay(index)
        else:
            watched.ask(index)
        self.said += [watched.said] if watched.said else []
        return watched

    def _refuse_mixed(self, asset: AssetName, where: Path, index: Index) -> None:
        """Refuse a folder in which a checkout was cut short: who adds it would publish a mixture that nobody has made."""
        if not self._is_unfinished(where, index):
            return
        shown, version = self._shown(where), f"{asset}@N"
        with contextlib.suppress(NotFound):  # a part of a version: no version has that tree
            version = str(self._client.do(get, Pointer(asset, Hashed(index.bases[-1]))))
        raise Conflict(
            f"a checkout of {version} was cut short, and {shown} may hold files of two versions", kind="checkout-unfinished",
            hint=f"finish it: loopline checkout {version} {shown}; or give --mixed to add what is there",
            version=version, folder=shown,
        )  # fmt: skip

    def _is_mixed(self, where: Path, index: Index) -> bool:
        try:
            return self._is_unfinished(where, index)
        except Unavailable:  # the index cannot be read, which hinders nobody who only looks
            return False

    def _is_unfinished(self, where: Path, index: Index) -> bool:
        """Tell whether a folder is in step with another tree, or with more than one, than its version's, which is noted last."""
        stand, bases = self.stand(where), index.bases
        if len(bases) == 1 and index.tree == bases[0] and not index.drift:
            return False  # all of it was added as that tree, and whoever did was killed before it was noted
        if stand is None or len(bases) != 1:
            return bool(bases)
        asset = parse_asset(stand.asset, project=self._settings.project)
        try:
            version: Version = self._client.do(get, Pointer(asset, Numbered(stand.number)))
        except NotFound:
            return False
        return bases != (version.artifact.digest,)

    def _whole(self, built: Built, stand: Stand, asset: AssetName) -> Built:
        """Put what a folder with a part of a version became into the whole of that version."""
        from loopline.datasets.diff import diff
        from loopline.datasets.edit import edit
        from loopline.datasets.tree import Tree

        chosen, blobs = Only(stand.only), self._client.blobs
        root = self._client.do(get, Pointer(asset, Numbered(stand.number))).artifact.digest
        changed = (one for one in diff(blobs, root, built.root) if one.new is not None or chosen(one.path))
        whole = Tree(blobs, edit(blobs, root, {one.path: one.new for one in changed}))
        return replace(built, root=whole.root, files=whole.count, bytes=whole.bytes)

    def _declared_key(self, asset: AssetName) -> dict[str, list[str]]:
        """Give the columns that name a row, where the project says them: row by row differences need them."""
        return next(({"key": list(one.key)} for one in self._settings.data if one.asset == str(asset) and one.key), {})

    def folders(self) -> list[tuple[AssetName, Path]]:
        """List the folders that the project declares, and those that were added or checked out, as far as they exist."""
        found = {straight(self._settings.root / one.folder): one.asset for one in self._settings.data}
        for note in notes(self._settings.home):
            stand = read_note(note)
            if stand is not None:
                found.setdefault(Path(stand.folder), stand.asset)
        project = self._settings.project
        return [
            (parse_asset(asset, project=project), folder) for folder, asset in sorted(found.items()) if folder.is_dir()
        ]

    def status(self, asset: AssetName, folder: Path | None = None, *, parts: Parts = WHOLE) -> Standing:
        """Compare a folder, or parts of it, with the version it was last in step with; if never, with main. Stores nothing."""
        where = self._where(asset, folder)
        stand = self._own(where, asset)
        branch = stand.branch if stand else "main"
        newest = self._target(RefName(asset, branch)) if branch else None
        index = self._index(where)
        if stand and newest not in (None, stand.number):
            stand = self._caught_up(asset, where, index)
        number = stand.number if stand else newest
        differences: tuple[Difference, ...] = ()
        if number is not None:
            self._tend(where, parts)
        watched = self._watched(where, index, parts) if number is not None else None
        if number is not None:
            version = self._client.do(get, Pointer(asset, Numbered(number)))
            root = version.artifact.digest
            chosen = Only(stand.only if stand else ())
            others = watched.others if watched else None
            blobs = self._client.blobs
            found = compare(blobs, root, where, index, parts=parts, others=others, report=self._report)
            differences = tuple(one for one in found if one.new is not None or chosen(one.path))
        if watched is not None:
            watched.keep(index)
        return Standing(
            asset,
            self._shown(where),
            branch,
            stand.number if stand else None,
            newest if branch else number,
            differences,
            stand.only if stand else (),
            self._is_mixed(where, index),
        )

    def checkout(
        self, pointer: Pointer, folder: Path | None = None, *, only: tuple[str, ...] = (), force: bool = False,
        link: bool = False,
    ) -> tuple[Version, CheckedOut]:  # fmt: skip
        """Make a folder hold a version's files, or those that patterns choose (see `datasets/only.py`).

        With `link`, large ones are hard links to the store's files on the same file system, where that cannot share bytes.

        Raise Conflict kind="local-changes" before anybody's work is lost, and kind="other-part" where the folder holds another
        part of another version.
        """
        version, stand, done = self._bring(
            pointer, self._where(pointer.asset, folder), only=only, force=force, link=link
        )
        self._tie(stand, version)
        return version, done

    def _bring(
        self, pointer: Pointer, where: Path, *, only: tuple[str, ...], force: bool = False, link: bool = False
    ) -> tuple[Version, Stand, CheckedOut]:
        from loopline.datasets.checkout import checkout as write

        chosen = Only(only)
        version = self._client.do(get, pointer)
        if version.artifact.media_type != TREE:
            raise Invalid(
                f"{version} is no folder of files",
                kind="not-a-tree",
                hint=f"loopline get {version} FILE",
                version=str(version),
            )
        if where.is_dir():
            with contextlib.suppress(Invalid, Unavailable):  # what cannot be looked at hinders no checkout beside it
                self._tend(where)
        index = self._index(where)
        if link:
            from loopline.sdk.linking import mark

            mark(index)
        blobs, root = self._client.blobs, version.artifact.digest
        part = self._part(self._own(where, pointer.asset), version, only)
        done = write(blobs, root, where, index, only=chosen, force=force, link=link, report=self._report)
        named = pointer.revision.ref if isinstance(pointer.revision, Named) else ""
        stand = Stand(str(where), str(pointer.asset), named, version.number, part)
        self._remember(index, stand, version)
        return version, stand, done

    @staticmethod
    def _part(stand: Stand | None, version: Version, only: tuple[str, ...]) -> tuple[str, ...]:
        """Say which part of a version the folder will hold. Raise Conflict where that would be parts of two versions."""
        if not only or stand is None:
            return only
        if stand.number == version.number:
            return tuple(dict.fromkeys((*stand.only, *only))) if stand.only else ()
        if stand.only != only:
            raise Conflict(
                f"the folder holds {' '.join(stand.only) or 'all'} of version {stand.number}", kind="other-part",
                hint="check out the whole, or the same part, or into another folder", number=stand.number, only=stand.only,
            )  # fmt: skip
        return only

    def watch(self, folder: Path) -> int:
        """Have a process keep what changes in a folder, so that `status` is told; give how many folders that are."""
        from loopline.sdk.watching import start

        return start(folder, self._index(straight(folder)).file)

    def unwatch(self, folder: Path) -> None:
        """End that process."""
        from loopline.sdk.watching import stop

        stop(folder, self._index(straight(folder)).file)

    def lock(self) -> tuple[Standing, ...]:
        """Write which version each folder below the project's root holds, and give how they stand."""
        standings, locked = [], []
        for asset, folder in self.folders():
            standings.append(self.status(asset, folder))
            stand = self._own(folder, asset)
            if stand is not None and folder.is_relative_to(self._settings.root.absolute()):
                locked.append(self._locked(stand, self._client.do(get, Pointer(asset, Numbered(stand.number)))))
        if not self._dry:
            self._lock.write(locked)
        return tuple(standings)

    def unlocked(self) -> tuple[Standing, ...]:
        """Make each folder hold what loopline.lock says, and give how they stand. The file stays as git brought it.

        Raise NotFound kind="lock-missing"; Conflict kind="other-history" where a version has other files in this ledger, before
        anything is touched.
        """
        if not self._lock.exists():
            raise NotFound(
                "there is no loopline.lock here", kind="lock-missing", hint="write one: loopline lock", path=str(self._lock.file)
            )  # fmt: skip
        wanted = [(one, parse_asset(one.asset, project=self._settings.project)) for one in self._lock.read()]
        for one, asset in wanted:
            version = self._client.do(get, Pointer(asset, Numbered(one.version)))
            if version.artifact.digest != one.tree:
                raise Conflict(
                    f"{version} has other files here than loopline.lock says", kind="other-history",
                    hint="it was written beside another ledger: bring that version here first", version=str(version),
                    expected=one.tree, found=version.artifact.digest,
                )  # fmt: skip
        standings = []
        for one, asset in wanted:
            folder = straight(self._settings.root / one.folder)
            newest = self._target(RefName(asset, one.branch)) if one.branch else None
            at = Named(one.branch) if newest == one.version else Numbered(one.version)
            if not self._dry:
                self._bring(Pointer(asset, at), folder, only=one.only)
            standings.append(self.status(asset, folder))
        return tuple(standings)

    def _locked(self, stand: Stand, version: Version) -> Locked:
        folder = Path(stand.folder).relative_to(self._settings.root.absolute())
        return Locked(stand.asset, folder.as_posix(), stand.number, version.artifact.digest, stand.branch, stand.only)

    def _own(self, folder: Path, asset: AssetName) -> Stand | None:
        stand = self.stand(folder)
        return stand if stand and stand.asset == str(asset) else None

    def _target(self, ref: RefName) -> int | None:
        try:
            version: Version = self._client.do(get, Pointer(ref.asset, Named(ref.ref)))
        except NotFound:
            return None
        return version.number

    def _remember(self, index: Index, stand: Stand, version: Version) -> None:
        """Note on this machine what a folder holds."""
        if self._dry:
            return
        index.bases = (version.artifact.digest,)
        index.save()
        self._note_down(stand)

    def _note_down(self, stand: Stand) -> None:
        if self._dry:
            return
        note = self._note(Path(stand.folder))
        with unwritable(note):
            Scratch(str(note.parent), lambda: None).place(json.dumps(asdict(stand)).encode(), str(note), durable=False)

    def _tie(self, stand: Stand, version: Version) -> None:
        """Write what a folder holds to loopline.lock, where there is one and the folder lies beside it."""
        if not self._dry and self._lock.exists() and Path(stand.folder).is_relative_to(self._settings.root.absolute()):
            self._lock.put(self._locked(stand, version))

    def _where(self, asset: AssetName, folder: Path | None) -> Path:
        """Give the absolute path of a folder, by default the asset's. Raise Invalid kind="bad-path"."""
        where = straight(folder or self.folder_of(asset))
        try:
            str(where).encode()
        except UnicodeEncodeError:
            shown = ascii(str(where))
            raise Invalid(
                f"{shown} cannot be a working folder: its name is not UTF-8",
                kind="bad-path", hint="rename the folder", path=shown,
            ) from None  # fmt: skip
        return where

    def _index(self, folder: Path) -> Index:
        return Index(index_file(self._settings.home, folder, "data"))

    def _note(self, folder: Path) -> Path:
        return index_file(self._settings.home, straight(folder), "data").with_suffix(".json")

    def _shown(self, folder: Path) -> str:
        root = self._settings.root.absolute()
        return str(folder.relative_to(root)) if folder.is_relative_to(root) else str(folder)
