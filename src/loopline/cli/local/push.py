"""push: a version to another store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from loopline.nouns.name import Pointer

if TYPE_CHECKING:
    from loopline.cli.place import Place
    from loopline.nouns.transfer import Transfer


def push(
    where: Place,
    version: Annotated[Pointer, "data/flights, data/flights@units, data/flights@2"],
    store: Annotated[str, "where to: a folder, or s3://BUCKET/PREFIX, gs://…, az://…, oci://HOST/REPOSITORY:TAG"],
    *,
    branch: Annotated[str, "the branch that moves there; without it, the one that is named"] = "",
    recheck: Annotated[bool, "ask for every file, also where the store is marked as having all"] = False,
    deep: Annotated[bool, "read every file there, and send what is damaged; a registry is only asked"] = False,
) -> Transfer:
    """Send a version with all its files to another store.

    From there `loopline pull` gets it into any project. What is there is not sent: pushed again it is one look, and a new version
    costs what differs. Cut short, the same command goes on where it was. A branch there moves only forward: where it has gone
    elsewhere, nothing is sent and exit code 5 says so. With `--dry-run` it says how much would be sent.

    Example:
        loopline push data/flights s3://flights/shared
    """
    from loopline.sdk.sharing import Sharing, shared_at

    client = where.client
    other = shared_at(store, where.settings.home, new=True)
    sharing = Sharing(client, other, report=where.report, dry=where.options.dry)
    return sharing.push(version, branch=branch, recheck=recheck, deep=deep)
