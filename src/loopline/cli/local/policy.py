"""policy: what is in force, beside what the project's file proposes."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

from loopline.cli.place import Place
from loopline.errors import NotFound
from loopline.nouns.change import Change
from loopline.nouns.name import AssetName, Named, Pointer
from loopline.nouns.policy import Policy


def policy(
    where: Place,
    *,
    push: Annotated[bool, "propose what loopline.toml says"] = False,
    why: Annotated[str, "the reason for the new policy"] = "",
) -> tuple[Policy, ...] | Change:
    """Show the policy in force, or propose the one in loopline.toml: moving it is a change like any other.

    Checks and triggers go with it. What loopline.toml says counts only once it is in force, so nobody loosens a rule by editing
    a file.

    Example:
        loopline policy --push --why "two approvals for production"
    """
    from loopline.checks.document import Document, diff_documents, dump_document, load_document
    from loopline.verbs.get import get
    from loopline.verbs.policy import policy as ask

    settings, client = where.settings, where.client
    wanted = Document(settings.policies, settings.checks, settings.triggers)
    if push:
        answer = client.do(ask, document=dump_document(wanted).decode(), why=why)
        return answer if isinstance(answer, Change) else ()
    current = Document()
    with suppress(NotFound):
        here = client.do(get, Pointer(AssetName(client.project, "policy", client.project), Named("main")))
        current = load_document(client.blobs.read(here.artifact.digest))
    for line in diff_documents(current, wanted):
        where.screen.say(f"loopline.toml: {line}")
    if dump_document(current) != dump_document(wanted):
        where.screen.say(f"{where.screen.paint_err('dim', '→')} loopline policy --push --why …")
    return current.policies
