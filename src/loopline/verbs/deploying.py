"""deploying: a declared service with everything pinned, and what stands behind a ref of a service; shared by their verbs."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from loopline.errors import Invalid, LooplineError, NotFound, Refused
from loopline.loop import declared_here
from loopline.nouns.declaration import MAIN, Candidate, Declaration
from loopline.nouns.digest import Digest
from loopline.nouns.name import AssetName, Pointer, RefName, parse_pointer
from loopline.nouns.service import EVENT_TIME, UNIT, Arm, Service
from loopline.nouns.signature import Signature
from loopline.verbs.describing import PROFILE_FILE, described, files_of
from loopline.verbs.measured import check, kind_of, measured
from loopline.verbs.permitting import may_read

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.nouns.ref import Ref
    from loopline.nouns.rolling import Plan
    from loopline.nouns.version import Version


def service_ref(ref: RefName) -> RefName:
    """Give a ref back that is one of a service. Raise Invalid kind="not-a-service"."""
    if ref.asset.kind != "service":
        raise Invalid(
            f"{ref} is no service", kind="not-a-service", hint=f"name one such as service/{ref.asset.name}@prod", ref=str(ref)
        )  # fmt: skip
    return ref


def declared_as(loop: Loop, asset: AssetName, declared: Declaration | None, model: Pointer | None) -> Declaration:
    """Give what a service is declared as, with `model` in place of its models where one is named.

    `declared` comes from whoever asks, else it is looked for in the project file at hand. Raise NotFound kind="no-service"
    where neither says anything.
    """
    if declared is not None and declared.name != str(asset):
        raise Invalid(
            f"this declares {declared.name}, not {asset}",
            kind="other-service",
            hint=f"declare {asset}",
            name=declared.name,
        )
    found = declared or next((one for one in declared_here(loop, loop.services) if one.name == str(asset)), None)
    if model is not None:
        arms = (Candidate(MAIN, _written(loop, model)),)
        return replace(found or Declaration(str(asset)), arms=arms)
    if found is None or not found.arms:
        raise NotFound(
            f"no model is declared for {asset}", kind="no-service",
            hint=f'add [services."{asset}"] with model = "model/NAME@REF" to loopline.toml, or give --model', service=str(asset),
        )  # fmt: skip
    return found


def pinned(
    tx: Tables, loop: Loop, declared: Declaration, *, also: Sequence[RefName] = (), allow_pickle: bool
) -> tuple[Service, list[Version]]:
    """Find what every arm means now, and give the service with the versions of its models.

    `also` are refs that shall point at these models: an arm is then said to follow its own.
    Raise Refused kind="quarantined", "needs-pickle" or "not-allowed", NotFound for a model that is not there or was deleted,
    Invalid for a column that no model has, and for what cannot be measured of its answers (`measured.check`).
    """
    arms, versions = [], []
    for candidate in declared.arms:
        pointer = parse_pointer(candidate.model, project=loop.project)
        may_read(loop, pointer.asset)
        version = _usable(tx, pointer)
        arm = _arm(tx, loop, candidate, version, pickle=declared.allow_pickle or allow_pickle)
        follows = next((str(one) for one in also if one.asset == version.asset), arm.follows)
        arms.append(replace(arm, follows=follows))
        versions.append(version)
    _taken(also, versions)
    labels = replace(declared.labels, kind=declared.labels.kind or kind_of(declared.labels, arms))
    check(labels, arms, declared.monitors)
    service = Service(
        name=declared.name, arms=tuple(arms), unit=declared.unit, event_time=declared.event_time, outputs=declared.outputs,
        workers=declared.workers, recording=declared.recording, batching=declared.batching, limits=declared.limits,
        labels=labels, monitors=declared.monitors, objectives=declared.objectives,
        grpc=declared.grpc, rollout=declared.rollout,
    )  # fmt: skip
    _hidden(service)
    _fits(service)
    return service, versions


def service_at(tx: Tables, loop: Loop, ref: Ref) -> Service:
    """Read the specification of what a ref of a service points at. Raise as `service_of` does."""
    return service_of(loop, tx.versions.get(ref.name.asset, ref.target))


def service_of(loop: Loop, version: Version) -> Service:
    """Read the specification that a version of a service is. Raise Invalid kind="bad-service", Unavailable, NotFound."""
    from loopline.serving.specification import load_service

    service = load_service(loop.blobs.read(version.artifact.digest))
    if service.name != str(version.asset):
        raise Invalid(
            f"{version} is the specification of {service.name}", kind="bad-service", hint="make one with loopline deploy",
            name=service.name,
        )  # fmt: skip
    return service


def behind(tx: Tables, loop: Loop, version: Version | None) -> tuple[str, ...]:
    """Say which models of a service version have moved on since it was deployed: it is pinned, and does not follow them."""
    if version is None:
        return ()
    try:
        service = service_of(loop, version)
    except LooplineError:
        return ()
    found = []
    for arm in service.arms:
        try:
            now = tx.versions.resolve(parse_pointer(arm.follows, project=loop.project))
        except LooplineError:
            continue  # it was declared by nothing that moves, or that is gone
        if now.artifact.digest != arm.digest:
            found.append(f"{arm.follows} is {now.number}, served is {arm.version.rpartition('@')[2]}")
    return tuple(found)


def _usable(tx: Tables, pointer: Pointer) -> Version:
    version = tx.versions.resolve(pointer)
    reason = tx.versions.quarantined(version.asset, version.number)
    if version.deleted_at is not None:
        raise NotFound(
            f"{version} was deleted", kind="version-deleted", hint=f"loopline delete {version} --restore, or choose another",
            version=str(version),
        )  # fmt: skip
    if reason is not None:
        raise Refused(
            f"{version} is in quarantine: {reason}", kind="quarantined",
            hint=f"choose another version: loopline history {version.asset}", version=str(version), reason=reason,
        )  # fmt: skip
    return version


def _arm(tx: Tables, loop: Loop, candidate: Candidate, version: Version, *, pickle: bool) -> Arm:
    files = files_of(loop, version.artifact)
    facts = described(loop, files)
    if not facts:
        raise Invalid(
            f"{version} is no model that can be served: it has no model.json", kind="not-a-model",
            hint="publish what a pipeline returns: loopline run", version=str(version),
        )  # fmt: skip
    unpickles = bool(facts.get("pickle") or version.metadata.get("pickle"))
    if unpickles and not pickle:
        raise Refused(
            f"loading {version} unpickles, or runs code that it brings, which can do anything", kind="needs-pickle",
            hint='if you trust whoever made it: allow_pickle = true in [services."…"], or --allow-pickle', version=str(version),
        )  # fmt: skip
    run = tx.runs.find(version.run) if version.run else None
    return Arm(
        name=candidate.name,
        version=f"{version.asset.within(loop.project)}@{version.number}",
        digest=version.artifact.digest,
        follows=candidate.model,
        run=version.run or "",
        environment=Digest(run.environment) if run and run.environment else None,
        signature=_signature(facts.get("signature") or version.metadata.get("signature"), version),
        profile=files[PROFILE_FILE].digest if PROFILE_FILE in files else None,
        weight=candidate.weight,
        shadow=candidate.shadow,
        pickle=unpickles,
    )


def _signature(value: object, version: Version) -> Signature:
    if value is None:
        return Signature((), ())
    import msgspec

    from loopline.models.signature import parse

    try:
        return parse(value)
    except msgspec.ValidationError as error:
        raise Invalid(
            f"the signature of {version} cannot be read: {error}", kind="bad-signature", hint="publish the model again",
            version=str(version),
        ) from error  # fmt: skip


def _fits(service: Service) -> None:
    """Refuse columns that no model has. Where a model does not say what it takes, nothing is known to be wrong."""
    if not all(arm.signature.inputs for arm in service.arms):
        return
    taken = [column.name for arm in service.arms for column in arm.signature.inputs]
    given = [column.name for arm in service.arms for column in arm.signature.outputs]
    unit = [one for one in service.unit if not one.startswith("header:")]
    _known("unit", unit, taken)
    _known("labels.join", service.labels.join, [*taken, UNIT, EVENT_TIME])
    _known("labels.slices", service.labels.slices, taken)
    if service.rollout and service.rollout.column:
        _known("rollout.column", [service.rollout.column], taken)
    if given:
        _known("outputs", service.outputs, given)
        _known("record.redact", service.recording.redact, [*taken, *given], whole=True)
        for monitor in service.monitors:
            _known(f"columns of monitor {monitor.name}", monitor.columns, [*taken, *given])


def _taken(also: Iterable[RefName], versions: Sequence[Version]) -> None:
    """Refuse a ref that no model of a service could move, or that two of them would."""
    for ref in also:
        found = sorted({one.number for one in versions if one.asset == ref.asset})
        if len(found) != 1:
            said = f"versions {', '.join(map(str, found))} of it are" if found else "no version of it is"
            raise Invalid(
                f"{ref} cannot move with the service: {said} served", kind="not-served",
                hint="name refs of the models that are served, in --also", ref=str(ref),
            )  # fmt: skip


def _hidden(service: Service) -> None:
    """Refuse what needs a column that is never written down."""
    labels, redact = service.labels, set(service.recording.redact)
    unit = [one for one in service.unit if one in redact]
    needed = {
        "event_time": [service.event_time],
        "labels.join": [*labels.join, *(unit if UNIT in labels.join else ())],
        "labels.score": [labels.score.partition("[")[0]],
        "labels.slices": labels.slices,
        **{f"monitor {one.name}": [name.partition("[")[0] for name in one.columns] for one in service.monitors},
    }
    for where, names in needed.items():
        _written_down(where, names, redact)
    if service.rollout:
        check_judged(service.rollout, service)


def check_judged(plan: Plan, service: Service) -> None:
    """Refuse a rollout that is judged by what is never written down. Raise Invalid kind="redacted-column", "not-recorded"."""
    if not plan.metrics:
        return
    if not service.recording.sample:
        raise Invalid(
            f"a rollout of {service.name} is judged by its records, and none are kept: record.sample is 0", kind="not-recorded",
            hint='record some, or move there at once: rollout = { kind = "at-once" }', service=service.name,
        )  # fmt: skip
    redact = set(service.recording.redact)
    _written_down("rollout.column", [plan.column], redact)
    labelled = [one.metric for one in plan.metrics if one.labelled]
    if labelled:
        score = measured(service.labels, service.arms).score
        _written_down(f"rollout.metrics ({', '.join(labelled)})", [score.partition("[")[0]], redact)


def _written_down(where: str, names: Iterable[str], redact: Container[str]) -> None:
    for name in names:
        if name in redact:
            raise Invalid(
                f"{where} needs {name!r}, which is redacted: it is never written down", kind="redacted-column",
                hint=f"take {name} out of record.redact, or out of {where}", column=name, where=where,
            )  # fmt: skip


def _known(where: str, names: Iterable[str], known: Sequence[str], *, whole: bool = False) -> None:
    from difflib import get_close_matches

    for name in names:
        if name in known or (
            not whole and name.partition("[")[0] in known
        ):  # predict_proba[1] is a column of an answer
            continue
        close = get_close_matches(name, known, n=1)
        some = ", ".join(dict.fromkeys(known))
        raise Invalid(
            f"{where} names {name!r}, which no model of this service has", kind="unknown-column",
            hint=f"did you mean {close[0]}?" if close else f"there are {some[:200]}", column=name, where=where,
        )  # fmt: skip


def _written(loop: Loop, pointer: Pointer) -> str:
    text = str(pointer)
    project = pointer.asset.project
    return text if project == loop.project else f"{project}:{text}"
