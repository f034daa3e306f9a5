"""loading: a model out of its folder, never unpickled unless asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from loopline.errors import NotFound, Refused, Unavailable
from loopline.models import pyfunc
from loopline.models.flavors import PYFUNC, about, flavor_named
from loopline.nouns.digest import digest_of


def load(folder: Path, *, allow_pickle: bool = False) -> Any:
    """Make the model that the folder holds.

    Raise Refused kind="pickle-refused" for a pickle that was not asked for, Unavailable kind="blob-corrupt" where the file is
    not what `model.json` names, Invalid kind="untrusted-types" or "model-corrupt" before anything is made.
    """
    facts = about(folder)
    flavor = None if facts.flavour == PYFUNC else flavor_named(facts.flavour)
    if ((flavor and flavor.pickle) or facts.pickle) and not allow_pickle:
        raise Refused(
            f"{facts.kind} is stored as a pickle, or brings code of its own, and loading it can run any code",
            kind="pickle-refused",
            hint="load it with allow_pickle=True if you trust whoever made it",
            flavour=facts.flavour,
            types=list(facts.types),
        )
    if flavor is None:
        return pyfunc.load(folder, facts)
    path = Path(folder, facts.file)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise NotFound(f"{path} is missing", kind="no-model", hint="fetch the model again", path=str(path)) from None
    found = digest_of(data)
    if found != facts.digest:
        raise Unavailable(
            f"{path} is not what its model.json names",
            kind="blob-corrupt",
            hint="fetch the model again",
            expected=facts.digest,
            found=found,
        )
    return flavor.read(data)
