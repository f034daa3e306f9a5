"""recorded: where the records of a deployment are; shared by the verbs about predictions."""

from __future__ import annotations

from pathlib import Path

from loopline.errors import Unavailable
from loopline.loop import Loop
from loopline.nouns.name import RefName
from loopline.verbs.deploying import service_ref


def signals_of(loop: Loop, ref: RefName) -> Path:
    """Name the folder of a deployment's records on this machine. It may not be there yet.

    Raise Invalid kind="not-a-service", and Unavailable where none are kept.
    """
    from loopline.signals.folder import folder_of

    service_ref(ref)
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
