"""pull: a version from another store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from loopline.nouns.change import Published
from loopline.nouns.name import Pointer

if TYPE_CHECKING:
    from loopline.cli.place import Place
    from loopline.nouns.transfer import Transfer


def pull(
    where: Place,
    version: Annotated[Pointer, "as it is called there: data/flights, data/flights@units, data/flights@2"],
    store: Annotated[str, "where from: a folder, or s3://BUCKET/PREFIX, gs://…, az://…, oci://HOST/REPOSITORY:TAG"],
    *,
    branch: Annotated[str, "the branch here that moves; without it, the one that is named, or main"] = "",
    recheck: Annotated[
        bool, "look for every file here, and get what is missing: mends what the store has lost"
    ] = False,
) -> Published | Transfer:
    """Get a version with all its files from another store, and move a branch to it.

    It becomes the next version here, and says in its metadata where it comes from. Only what is not here is sent, and each byte
    is verified. Where the branch here has gone elsewhere, nothing happens and exit code 5 says so. With `--dry-run` it says how
    much would be sent.

    Example:
        loopline pull data/flights s3://flights/shared
    """
    from loopline.sdk.sharing import Sharing, shared_at

    client = where.client
    other = shared_at(store, where.settings.home, new=False)
    sharing = Sharing(client, other, report=where.report, dry=where.options.dry)
    got = sharing.pull(version, branch=branch, recheck=recheck)
    if isinstance(got, Published) and got.change is None:
        where.screen.say(f"nothing new: {got.version} has it")
    return got
