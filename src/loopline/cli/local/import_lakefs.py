"""import_lakefs: a repository of a lakeFS server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from loopline.nouns.name import AssetName

if TYPE_CHECKING:
    from loopline.cli.place import Place
    from loopline.nouns.imported import Imported


def import_lakefs(
    where: Place,
    repository: Annotated[str, "lakefs://flights, or its name alone"],
    asset: Annotated[AssetName | None, "what it becomes; without it, data and the repository's name"] = None,
    *,
    endpoint: Annotated[
        str, "address of the server; without it, what lakectl would ask (LAKECTL_SERVER_ENDPOINT_URL, ~/.lakectl.yaml)"
    ] = "",
    leave_out: Annotated[tuple[str, ...], "paths that are not brought: tmp/*, *.crc; * stands for / as well"] = (),
) -> Imported:
    """Bring a repository of lakeFS with its history: commits become versions, branches and tags refs, objects files.

    Messages, metadata, committers and times come along, and a commit's old id finds its version on. The key is read from the
    variables or the file of lakectl. Cut short, the same command goes on where it was; run again, it brings what is new. What is
    uncommitted there stays there. With `--dry-run` it says how much would be brought.

    Example:
        loopline import-lakefs lakefs://flights data/flights --endpoint https://lakefs.example.org
    """
    from loopline.errors import Invalid
    from loopline.sdk.lakefs import Lake, find_login
    from loopline.sdk.lakefs_import import LakeImport

    name = repository.removeprefix("lakefs://").rstrip("/")
    if not name or "/" in name:
        raise Invalid(
            f"{repository!r} is no repository", kind="bad-repository", hint="write lakefs://NAME, without a branch",
            text=repository,
        )  # fmt: skip
    into = asset or AssetName(where.settings.project, "data", name)
    if into.kind != "data":
        raise Invalid(f"{into} is no data", kind="bad-kind", hint="name data/…", text=str(into), word=into.kind)
    lake = Lake(find_login(where.screen.environ, endpoint=endpoint), name)
    return LakeImport(
        where.client, lake, into, leave=leave_out, report=where.report, dry=where.options.dry
    ).run()  # fmt: skip
