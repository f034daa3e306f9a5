"""publishing: what a pipeline returned, as versions; shared by the verbs that run pipelines."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from loopline.nouns.artifact import ENVIRONMENT, MODEL, TREE, Artifact
from loopline.nouns.digest import Digest
from loopline.nouns.ids import brief
from loopline.nouns.name import AssetName, parse_asset
from loopline.nouns.plan import Ran
from loopline.verbs.describing import described, files_of

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.nouns.version import Version
    from loopline.verbs.preparing import Prepared, Source


def publish(loop: Loop, prepared: Prepared, ran: Ran) -> Ran:
    """Publish what the pipeline returned under the assets that it named, and give the run with these versions.

    Bytes that are a version of the asset already stay that version: running again publishes nothing new.
    """
    rows = [
        (parse_asset(asset, project=loop.project), f"{of.node}.{of.name}") for asset, of in prepared.plan.graph.publish
    ]
    if not rows:
        return ran
    links = {link.name: link for link in ran.run.outputs}
    with loop.ledger.read() as tx:
        fresh = [name for asset, name in rows if _known(tx, asset, links[name].digest) is None]
    metadata = {name: _metadata(loop, Artifact(links[name].digest, links[name].media_type)) for name in fresh}
    published: list[Version] = []
    with loop.ledger.write(loop.project, loop.actor) as tx:
        for asset, name in rows:
            link = links[name]
            version = _known(tx, asset, link.digest) or tx.versions.publish(
                asset, Artifact(link.digest, link.media_type, link.size), author=str(loop.actor), run=ran.run.id,
                message=f"{ran.run.name} of {brief(ran.run.id)}", metadata=metadata.get(name, {}),
            )  # fmt: skip
            tx.lineage.publish(ran.run.id, name, asset, version.number)
            published.append(version)
        tx.say("run.published", ran.run.id, versions=[str(version) for version in published])
        run = tx.runs.get(ran.run.id)
    return replace(ran, run=run, published=tuple(published))


def publish_source(loop: Loop, source: Source) -> None:
    """Publish the source tree and the environment as `code/<project>` and `env/<project>`, where they are new."""
    wanted = [
        (AssetName(loop.project, "code", loop.project), Artifact(source.code, TREE), source.commit or "no commit")
    ]
    if source.environment:
        name = AssetName(loop.project, "env", loop.project)
        wanted.append((name, Artifact(source.environment, ENVIRONMENT), "as installed"))
    with loop.ledger.read() as tx:
        wanted = [row for row in wanted if _known(tx, row[0], row[1].digest) is None]
    if not wanted:
        return
    with loop.ledger.write(loop.project, loop.actor) as tx:
        for asset, artifact, message in wanted:
            if _known(tx, asset, artifact.digest):
                continue  # another run was faster
            last = tx.assets.find(asset)
            tx.versions.publish(
                asset, replace(artifact, size=loop.blobs.size(artifact.digest) or 0), author=str(loop.actor), message=message,
                parents=[last.last_number] if last and last.last_number else [],
            )  # fmt: skip
        tx.say("source.published", source.code, code=source.code, environment=source.environment, commit=source.commit)


def _known(tx: Tables, asset: AssetName, digest: Digest) -> Version | None:
    """Find the newest version of an asset that has these bytes and was not deleted."""
    found = tx.versions.by_digest(asset.project, digest)
    return next((one for one in found if one.asset == asset and one.deleted_at is None), None)


def _metadata(loop: Loop, artifact: Artifact) -> dict[str, Any]:
    """Let a model say what it is: flavour, class, signature, whether it holds a pickle."""
    if artifact.media_type != MODEL:
        return {}
    return described(loop, files_of(loop, artifact))
