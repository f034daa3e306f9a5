"""recorded: what stands behind a ref of a service, and where its records are; shared by the verbs about predictions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from loopline.errors import Invalid, Unavailable
from loopline.loop import Loop
from loopline.nouns.name import Named, Pointer, RefName

if TYPE_CHECKING:
    from loopline.nouns.service import Service


def service_at(loop: Loop, ref: RefName) -> Service:
    """Read the service that a ref names now. Raise Invalid kind="not-a-service", NotFound."""
    from loopline.serving.specification import load_service

    _checked(ref)
    with loop.ledger.read() as tx:
        version = tx.versions.resolve(Pointer(ref.asset, Named(ref.ref)))
    return load_service(loop.blobs.read(version.artifact.digest))


def signals_of(loop: Loop, ref: RefName) -> Path:
    """Name the folder of a deployment's records on this machine. It may not be there yet."""
    from loopline.signals.folder import folder_of

    _checked(ref)
    if loop.signals is None:
        raise Unavailable(
            "no records of predictions are kept here",
            kind="no-signals",
            hint="ask where the service runs",
            ref=str(ref),
        )
    return folder_of(loop.signals, ref.asset.project, ref.asset.name, ref.ref)


def known(loop: Loop, ref: RefName, folder: Path) -> None:
    """Raise NotFound unless the ref is there, or records of it are: what was undeployed can still be asked about."""
    if not folder.is_dir():
        with loop.ledger.read() as tx:
            tx.refs.get(ref)


def _checked(ref: RefName) -> None:
    if ref.asset.kind != "service":
        raise Invalid(
            f"{ref} is no service",
            kind="not-a-service",
            hint="name a deployment such as service/delay@prod",
            ref=str(ref),
        )
