"""policy: what is in force, beside what the project's file proposes."""

from __future__ import annotations

from typing import Annotated

from loopline.cli.place import Place
from loopline.nouns.change import Change
from loopline.nouns.policy import Policy


def policy(
    where: Place,
    *,
    push: Annotated[bool, "propose what loopline.toml says"] = False,
    why: Annotated[str, "the reason for the new policy"] = "",
) -> tuple[Policy, ...] | Change:
    """Show the policy in force, or propose the one in loopline.toml: moving it is a change like any other.

    What loopline.toml says counts only once it is in force, so nobody loosens a rule by editing a file.

    Example:
        loopline policy --push --why "two approvals for production"
    """
    from loopline.checks.document import Document, diff_documents, dump_document, load_document
    from loopline.verbs.policy import policy as ask

    settings, loop = where.settings, where.loop
    wanted = Document(settings.policies, settings.checks)
    if push:
        answer = ask(loop, document=dump_document(wanted).decode(), why=why)
        return answer if isinstance(answer, Change) else ()
    with loop.ledger.read() as tx:
        here = tx.policies.in_force(loop.project)
    current = load_document(here[1]) if here else Document()
    for line in diff_documents(current, wanted):
        where.screen.say(f"loopline.toml: {line}")
    if dump_document(current) != dump_document(wanted):
        where.screen.say(f"{where.screen.paint_err('dim', '→')} loopline policy --push --why …")
    return current.policies
