"""deploy: a service version with everything pinned, and its ref moved there as far as the policy lets it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from loopline.errors import Conflict, Invalid
from loopline.loop import Loop
from loopline.nouns.artifact import SERVICE, Artifact
from loopline.nouns.change import Change, Move
from loopline.nouns.declaration import Declaration
from loopline.nouns.name import AssetName, Numbered, Pointer, RefName, Revision
from loopline.nouns.run import Link, Run, RunState
from loopline.nouns.version import Version
from loopline.verbs.deploying import declared_as, pinned, service_of, service_ref
from loopline.verbs.moving import Plan, aim, at_home, begin
from loopline.verbs.promote import as_far_as_possible, open_like

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loopline.ledger.ledger import Tables, Writing
    from loopline.nouns.service import Service

TIERS = {"prod": "production", "production": "production", "staging": "staging", "canary": "canary"}
"""The tier of a ref that a service is first deployed at, by its name."""


def deploy(
    loop: Loop,
    ref: Annotated[RefName, "where: service/delay@prod"],
    *,
    model: Annotated[Pointer | None, "the model that answers, in place of what the project declares"] = None,
    to: Annotated[Revision | None, "a former version of the service, as it was"] = None,
    also: Annotated[tuple[RefName, ...], "refs of its models that move with it: model/delay@champion"] = (),
    why: Annotated[str, "the reason, for whoever reviews it"] = "",
    declared: Annotated[
        Declaration | None, "the service as the project declares it (the command line takes it from loopline.toml)"
    ] = None,
    allow_pickle: Annotated[bool, "serve models that need unpickling: only if you trust whoever made them"] = False,
    executor: Annotated[str, "where the checks run"] = "local",
    workers: Annotated[int, "steps at a time; 0: one for each processor"] = 0,
) -> Change:
    """Pin a service and move its ref there, as far as the policy lets it. A host then serves it.

    Each model is pinned by digest, with its run, its environment, its signature and its profile. What is declared by a ref does
    not follow that ref: deploying again does. The same again is the version that is there.

    Where the service declares a rollout, the new version takes over step by step (`loopline rollouts`), and every ref of the
    change moves at its end. `--also` names refs that shall then point at the model that is served.

    Example:
        loopline deploy service/delay@prod --model model/delay@champion
        loopline deploy service/delay@prod --model model/delay@latest --also model/delay@champion
        loopline deploy service/delay@prod --to 3 --why "back to June"
    """
    service_ref(ref)
    at_home(loop, ref.asset)
    if to is not None and (model is not None or declared is not None or also):
        raise Invalid(
            "a former version has its models already",
            kind="not-with-to",
            hint="leave out --to, or --model and --also",
            ref=str(ref),
        )
    change = _former(loop, ref, to, why) if to is not None else _made(
        loop, ref, declared_as(loop, ref.asset, declared, model), why, also=also, allow_pickle=allow_pickle
    )  # fmt: skip
    with loop.ledger.read() as tx:
        if tx.changes.find(change.id) is None:
            return change  # a rehearsal: it is forgotten already, and nothing can be said about it
    return as_far_as_possible(loop, change, executor=executor, workers=workers)


def _former(loop: Loop, ref: RefName, to: Revision, why: str) -> Change:
    with loop.ledger.read() as tx:
        version = tx.versions.resolve(Pointer(ref.asset, to))
    service_of(loop, version)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        return _moved(tx, loop, (_aimed(tx, ref, version),), why or f"back to {version}")


def _made(
    loop: Loop, ref: RefName, declared: Declaration, why: str, *, also: Sequence[RefName], allow_pickle: bool
) -> Change:
    """Publish the service version, where it is a new one, and propose the move, in one transaction."""
    from loopline.serving.specification import dump_service

    with loop.ledger.read() as tx:
        service, _ = pinned(tx, loop, declared, also=also, allow_pickle=allow_pickle)
    data = dump_service(service)
    artifact = Artifact(loop.blobs.put(data), SERVICE, len(data))
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.projects.ensure(loop.project)
        again, models = pinned(tx, loop, declared, also=also, allow_pickle=allow_pickle)
        if again != service:
            raise _overtaken(ref)
        version = _known(tx, ref.asset, artifact) or _published(
            tx, loop, ref.asset, service, artifact=artifact, models=models
        )
        said = ", ".join(f"{arm.name} {arm.version}" if len(service.arms) > 1 else arm.version for arm in service.arms)
        beside = [aim(tx, one, Numbered(model.number)) for one in also for model in models if model.asset == one.asset]
        to = _aimed(tx, ref, version)
        return _moved(tx, loop, (to, *(one for one in beside if one.old != one.new)), why or f"deploy {said}")


def _aimed(tx: Tables, ref: RefName, version: Version) -> Move:
    here = tx.refs.find(ref)
    return aim(tx, ref, Numbered(version.number), tier=TIERS.get(ref.ref) if here is None else None)


def _moved(tx: Writing, loop: Loop, moves: Sequence[Move], why: str) -> Change:
    """Propose moves, that of the service first, or go on with the open change that makes just these."""
    wanted = {(one.ref, one.new) for one in moves}
    open_one = open_like(tx, loop, moves[0], together=len(moves) > 1)
    if open_one and {(one.ref, one.new) for one in open_one.moves} == wanted:
        tx.say(
            "service.deployed", str(moves[0].ref), version=f"{moves[0].ref.asset}@{moves[0].new}", change=open_one.id
        )
        return open_one
    return begin(tx, loop, Plan(tuple(moves), why))


def _known(tx: Tables, asset: AssetName, artifact: Artifact) -> Version | None:
    """Find the version of the service that is this specification; one that was deleted is none."""
    found = tx.versions.by_digest(asset.project, artifact.digest)
    return next((one for one in found if one.asset == asset and one.deleted_at is None), None)


def _published(
    tx: Writing, loop: Loop, asset: AssetName, service: Service, *, artifact: Artifact, models: Sequence[Version]
) -> Version:
    """Publish a specification as what a run has made of these models, so that lineage goes on from them."""
    inputs = [
        Link(arm.name, model.artifact.digest, model.artifact.media_type, model.artifact.size,
             model.asset.within(loop.project), model.number)
        for arm, model in zip(service.arms, models, strict=True)
    ]  # fmt: skip
    run = tx.runs.start(
        Run(
            id=loop.ids.new(), project=loop.project, name=f"deploy {asset}", kind="build", state=RunState.RUNNING,
            actor=str(loop.actor), started_at=tx.now, params={arm.name: arm.follows for arm in service.arms},
        )
    )  # fmt: skip
    output = Link("service", artifact.digest, artifact.media_type, artifact.size)
    last = tx.assets.find(asset)
    version = tx.versions.publish(
        asset, artifact, author=str(loop.actor), run=run.id, message=", ".join(arm.version for arm in service.arms),
        metadata={"models": {arm.name: arm.version for arm in service.arms}, "pickle": any(arm.pickle for arm in service.arms)},
        parents=[last.last_number] if last and last.last_number else [],
    )  # fmt: skip
    tx.lineage.record(run.id, project=loop.project, inputs=inputs, outputs=[output])
    tx.lineage.publish(run.id, "service", asset, version.number)
    tx.runs.move(run.id, RunState.FINISHED)
    return version


def _overtaken(ref: RefName) -> Conflict:
    return Conflict("a model has moved in this moment", kind="model-moved", hint=f"loopline deploy {ref}", ref=str(ref))
