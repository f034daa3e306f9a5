"""adopting_models: logged models, sealed as they were finished, and registered models with the numbers of their versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from loopline.errors import Conflict, Invalid, LooplineError
from loopline.faces.mlflow.moving.keys import text
from loopline.faces.mlflow.moving.meaning import Meaning
from loopline.faces.mlflow.naming import MADE
from loopline.faces.mlflow.registry import ARCHIVED, REFS, STAGE, asset_of
from loopline.nouns.change import ChangeState
from loopline.nouns.ids import brief
from loopline.nouns.logged import LoggedModel, LoggedState, Measure
from loopline.nouns.name import AssetName, RefName, parse_asset, parse_ref
from loopline.nouns.owner import Owner
from loopline.verbs.modelling import end, is_logged
from loopline.verbs.noting import TEXT
from loopline.verbs.registry import LOGGED, SOURCE, Entry, enter, open_model, point

if TYPE_CHECKING:
    from loopline.faces.mlflow.moving.adopting_files import Files
    from loopline.faces.mlflow.moving.left import Left
    from loopline.faces.mlflow.moving.store import Logged, Numbered, Registered, Store
    from loopline.loop import Loop
    from loopline.nouns.experiment import Experiment

STATES: Final = {"READY": LoggedState.READY, "FAILED": LoggedState.FAILED}
"""States of logged models; any other is that of one whose files still come."""


class Models:
    """Writes models down."""

    def __init__(self, loop: Loop, store: Store, left: Left, files: Files) -> None:
        self._loop, self._store, self._left, self._files = loop, store, left, files
        self._meaning = Meaning(loop, files)

    def log(self, group: Experiment, told: Logged, ids: Mapping[str, str]) -> None:
        """Write a logged model down, with its files, and seal it where it is finished."""
        loop = self._loop
        with loop.ledger.read() as tx:
            here = tx.logged.find(loop.project, told.id, deleted=True)
        try:
            here = here or self._begin(group, told, ids)
        except (Conflict, Invalid) as error:
            self._left.out("logged models", error.message, told.id)
            return
        self._add(told, here)
        folder = self._files.folder(told.location) if told.location else None
        new, frozen = False, here.digest is not None or here.deleted_at is not None
        if folder is not None:  # of one that was sealed before, files are only held against what is here
            new = self._files.take(here.owner, folder, frozen=frozen)
        state = STATES.get(told.status, LoggedState.PENDING)
        whole = folder is not None or not told.location  # else it is sealed once its files can be read
        if whole and not frozen and (new or here.state is not state):
            end(loop, told.id, state)
        if told.deleted and here.deleted_at is None:
            with loop.ledger.write(loop.project, loop.actor) as tx:
                tx.logged.delete(tx.logged.get(loop.project, told.id))
                tx.say("deleted", told.id, why=f"it is deleted in {self._store.name}")

    def look(self, told: Logged) -> None:
        """Count the files of a logged model."""
        folder = self._files.folder(told.location) if told.location else None
        if folder is not None:
            self._files.look(Owner(self._loop.project, "model", told.id), folder)

    def _begin(self, group: Experiment, told: Logged, ids: Mapping[str, str]) -> LoggedModel:
        loop = self._loop
        if not is_logged(told.id):
            raise Invalid(
                f"{told.id} is no id of a logged model", kind="bad-id", hint="m- and 32 hex digits", model=told.id
            )
        with loop.ledger.write(loop.project, loop.actor) as tx:
            made = tx.logged.begin(
                LoggedModel(
                    told.id, loop.project, group.id, text(told.name), ids.get(told.run, told.run) or None, text(told.kind),
                    message=text(told.message), created_at=told.created * 1000, updated_at=told.updated * 1000,
                    tags=_texts(told.tags), params=_texts(told.params),
                )
            )  # fmt: skip
            tx.say(
                "model.logged", made.id, name=made.name, experiment=group.name, run=made.run, adopted=self._store.name
            )
        return made

    def _add(self, told: Logged, here: LoggedModel) -> None:
        """Add what a model lacks; nothing is overwritten."""
        loop = self._loop
        tags = {key: value for key, value in _texts(told.tags).items() if key not in here.tags}
        params = {key: value for key, value in _texts(told.params).items() if key not in here.params}
        if tags or params:
            with loop.ledger.write(loop.project, loop.actor) as tx:
                tx.taggings.set(here.subject, tags)
                tx.logged.annotate(here, params=params)
                tx.say("annotated", here.id, tags=tags, params=params)
        if told.metrics:
            with loop.ledger.telemetry() as tx:
                tx.logged.measured(
                    Measure(
                        here.id, one.run, text(one.key), one.value, one.step, one.time * 1000, text(one.dataset), text(one.digest)
                    )
                    for one in told.metrics
                )  # fmt: skip

    def register(self, told: Registered, ids: Mapping[str, str]) -> None:
        """Write a registered model down, with its versions under their numbers, and bring aliases and stages to them."""
        loop = self._loop
        asset = asset_of(loop.project, told.name)
        try:
            parse_asset(str(asset), project=loop.project)
        except Invalid as error:
            self._left.out("models", error.message, told.name)
            return
        with loop.ledger.read() as tx:
            here = tx.assets.find(asset)
            tags = tx.taggings.of(here.subject) if here else {}
        if here is None:
            here = open_model(
                loop, asset, tags=_texts(told.tags), text=text(told.description), created_at=told.created * 1000
            )
        elif lacking := {key: value for key, value in _texts(told.tags).items() if key not in tags}:
            with loop.ledger.write(loop.project, loop.actor) as tx:
                tx.taggings.set(here.subject, lacking)
                tx.say("annotated", str(asset), tags=lacking)
        for version in told.versions:
            try:
                self._version(asset, version, ids)
            except LooplineError as error:
                self._left.out("versions", error.message, f"{told.name} {version.number}")
        self._refs(asset, told)

    def _version(self, asset: AssetName, told: Numbered, ids: Mapping[str, str]) -> None:
        loop = self._loop
        with loop.ledger.read() as tx:
            if tx.versions.find(asset, told.number) is not None:
                return
        run = self._run(ids.get(told.run, told.run))
        meant = self._meaning.of(told, run)
        made = {"created": told.created, "user": text(told.user), "from": self._store.name}
        metadata = {**meant.metadata, SOURCE: text(told.source), MADE: made}
        if meant.model:
            metadata[LOGGED] = meant.model
        tags = _texts(told.tags) | ({STAGE: ARCHIVED} if told.stage == ARCHIVED else {})
        enter(
            loop, asset,
            Entry(
                meant.artifact, message=text(told.description) or f"adopted from {self._store.name}", run=run,
                output=meant.output, tags=tags, text=text(told.description), metadata=metadata,
                number=told.number,
            ),
        )  # fmt: skip

    def _run(self, run: str) -> str | None:
        """Give the run of a version where it is here."""
        with self._loop.ledger.read() as tx:
            found = tx.runs.find(run) if run else None
        return run if found and found.project == self._loop.project else None

    def _refs(self, asset: AssetName, told: Registered) -> None:
        """Bring aliases and stages to their versions by one change; a ref that is here already stays where it is."""
        loop = self._loop
        with loop.ledger.read() as tx:
            there = {one.number for one in tx.versions.list(asset, limit=100_000)}
            here = {ref.name.ref: ref.target for ref in tx.refs.of(asset)}
        wanted: dict[str, int] = {}
        for name, number in {**self._staged(told), **told.aliases}.items():
            try:
                parse_ref(str(RefName(asset, name)), project=loop.project)
            except Invalid as error:
                self._left.out("aliases", error.message, f"{told.name}@{name}")
                continue
            if number not in there:
                self._left.out("aliases", "its version is not here", f"{told.name}@{name}")
            elif name in here:
                if here[name] != number:
                    self._left.out("aliases", "it stands at another version here", f"{told.name}@{name}")
            else:
                wanted[name] = number
        if not wanted:
            return
        change = point(loop, asset, wanted, why=f"adopted from {self._store.name}")
        if change is not None and change.state is not ChangeState.APPLIED:
            self._left.out("aliases", f"change {brief(change.id)} waits for its policy", told.name, count=len(wanted))

    def _staged(self, told: Registered) -> dict[str, int]:
        """Give the newest version in each stage that is a ref: one version is in it at a time."""
        found: dict[str, int] = {}
        for version in told.versions:
            ref = REFS.get(version.stage)
            if ref is None:
                continue
            if ref in found:
                self._left.out("stages", "a newer version is in it", f"{told.name} {found[ref]}: {version.stage}")
            found[ref] = version.number
        for ref in found.keys() & told.aliases.keys():
            if found[ref] != told.aliases[ref]:
                self._left.out("stages", "an alias of the same name stands elsewhere", f"{told.name}: {ref}")
        return found


def _texts(pairs: Mapping[str, str]) -> dict[str, str]:
    return {text(key): text(value) for key, value in pairs.items() if key not in (TEXT, STAGE)}
