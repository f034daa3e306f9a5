"""capture: what a run is made of beside its data: source tree, commit, environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopline.errors import Invalid
from loopline.sdk.journal import log
from loopline.store.blobs import Blobs

if TYPE_CHECKING:
    from loopline.settings import Settings


def capture(blobs: Blobs, settings: Settings) -> dict[str, Any]:
    """Store the source tree and the lock of what is installed; give what `start` takes of them."""
    from loopline.environments.capture import capture as look
    from loopline.environments.lock import encode
    from loopline.sdk.snapshot import snapshot

    lock = look(settings.root)
    found: dict[str, Any] = {
        "environment": blobs.put(encode(lock)),
        "packages": {one.name: one.version for one in lock.distributions},
    }
    try:
        source = snapshot(blobs, settings)
    except Invalid as error:
        log.warning("loopline did not capture the source tree: %s; %s", error.message, error.hint)
        return found
    if source.left_out:
        log.warning("loopline left out of the source tree: %s", ", ".join(source.left_out[:5]))
    return {**found, "code": source.tree, "commit": source.commit}
