"""verbs: what a person or a program can ask of the loop, one function a file.

A *verb* has one name everywhere: `verbs/promote.py`, `loop.do(promote, …)`, `loopline promote`. Its typed signature is its
usage (`usage.py`), its results are nouns (`plain.py` turns them into JSON values and back). VERBS lists them in the order of
the loop. The four classes: *read* changes nothing, *write* is one transaction, *work* may take long and reports progress,
*local* needs the terminal's own machine. Never here: terminals, sockets, a protocol's words.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Verb(NamedTuple):
    """One line of the table: enough to list, group and describe a verb without importing it."""

    name: str
    """As in Python; the command line writes `-` for `_`."""
    cls: Literal["read", "write", "work", "local"]
    group: str
    """Heading under which help lists it."""
    summary: str
    """The first line of the verb's docstring."""
    runs_code: bool = False
    """Whether it runs a project's code, which may read whatever it likes."""
    gathers: bool = False
    """Whether it runs the checks of a change."""
    begins_run: bool = False
    """Whether it begins exactly one run, where it does what it is asked and not only tells what would come of it."""
    goes_on: bool = False
    """Whether it goes on from what is named to whatever was built from it."""
    names_assets: bool = True
    """False for what is about runs, people, tokens, addresses: an asset that it names besides is found as elsewhere."""


GROUPS = ("set up", "data", "runs", "changes", "services", "questions", "rules")
"""The headings of help, in the order of the loop."""

VERBS: tuple[Verb, ...] = (
    Verb("add", "write", "data", "Publish files as the next version and move a branch to it."),
    Verb(
        "register",
        "work",
        "data",
        "Publish what lies in a folder or a bucket as the next version, without copying it.",
    ),
    Verb("ls", "read", "data", "List assets with their refs, or the files of a version."),
    Verb(
        "preview",
        "read",
        "data",
        "Show the beginning of a file: rows of a table with a summary of each column, text, or what an image is.",
    ),
    Verb(
        "expect",
        "read",
        "data",
        "Hold the tables of a version against what is expected of them, without a change: nothing is written down.",
    ),
    Verb("diff", "read", "data", "Compare two versions: files, rows, params, metrics, data, code and environment."),
    Verb("branch", "write", "data", "Make a branch of an asset, or remove one."),
    Verb("merge", "write", "data", "Merge a version into a ref: path by path, against what both come from."),
    Verb(
        "merges",
        "read",
        "data",
        "List merges that wait, or the paths that clash in one, with what each side has there and what was taken.",
    ),
    Verb(
        "revert",
        "write",
        "data",
        "Undo on a ref what one version has changed, and keep all that came after it: a new version, by a merge as any other.",
    ),
    Verb(
        "cherry_pick",
        "write",
        "data",
        "Bring what one version has changed to another ref, and nothing else of its line: a new version there.",
    ),
    Verb("tag", "write", "data", "Give a version of an asset a name that stays: a fixed ref, which nothing moves."),
    Verb(
        "stage",
        "write",
        "data",
        "Write files to a branch, or remove some, without making a version: all of it is staged, or nothing.",
    ),
    Verb(
        "staged",
        "read",
        "data",
        "List what is staged on a branch: the paths that its next commit would add, change or remove.",
    ),
    Verb("commit", "write", "data", "Publish what is staged on a branch as its next version."),
    Verb("bucket", "write", "data", "Give a branch a name under which clients of S3 find it, or take that away."),
    Verb("discard", "write", "data", "Forget what is staged on a branch, or below a prefix, and tell what that was."),
    Verb(
        "run",
        "work",
        "runs",
        "Run a pipeline; steps whose inputs and code are known come from the cache.",
        runs_code=True,
        begins_run=True,
    ),
    Verb(
        "reproduce",
        "work",
        "runs",
        "Run a run again, as it was, in an environment of its own, and compare.",
        runs_code=True,
        begins_run=True,
    ),
    Verb("start", "write", "runs", "Begin a run that somebody else executes.", names_assets=False),
    Verb("log", "write", "runs", "Add metric points, params, tags, inputs and outputs to a run.", names_assets=False),
    Verb("finish", "write", "runs", "End a run. A run that is over stays as it is.", names_assets=False),
    Verb("experiment", "write", "runs", "Begin an experiment, or tag or rename one that is there.", names_assets=False),
    Verb("annotate", "write", "runs", "Tag, describe or rename a run, an asset or a version."),
    Verb(
        "cancel",
        "write",
        "runs",
        "Ask a task to stop. One that waits is over at once; a worker hears of it within a second.",
        names_assets=False,
    ),
    Verb("compare", "read", "runs", "Hold runs against each other: params, metrics, data, packages, code."),
    Verb(
        "series",
        "read",
        "runs",
        "Give metric points of runs, with their steps and times, thinned out where there are many.",
        names_assets=False,
    ),
    Verb("tail", "read", "runs", "Read a piece of what a run printed.", names_assets=False),
    Verb("put", "write", "runs", "Publish an artifact as the next version of an asset. No ref moves."),
    Verb("get", "read", "runs", "Find the version that a pointer means now."),
    Verb("propose", "write", "changes", "Propose that a ref moves, with a reason."),
    Verb(
        "check",
        "work",
        "changes",
        "Run the checks of a change and keep what they say as evidence.",
        runs_code=True,
        gathers=True,
    ),
    Verb(
        "review",
        "read",
        "changes",
        "Show what a change would move, what was measured, what its policy says, what differs.",
    ),
    Verb(
        "comment",
        "write",
        "changes",
        "Say something about a change or an incident. It moves nothing and is no approval.",
    ),
    Verb("approve", "write", "changes", "Answer a change with yes (or, with --reject, no)."),
    Verb("apply", "write", "changes", "Move the refs of a change, all or none, if its policy holds at this moment."),
    Verb(
        "promote",
        "work",
        "changes",
        "Propose, check and apply, as far as the policy lets it.",
        runs_code=True,
        gathers=True,
    ),
    Verb("withdraw", "write", "changes", "Take a change back before it has moved anything."),
    Verb(
        "retrace",
        "read",
        "changes",
        "Tell what a rollback would move and why, what stays, and what goes into quarantine. Nothing is written.",
    ),
    Verb(
        "rollback",
        "write",
        "changes",
        "Bring a ref back to where it was, with all that belongs to it, in one change; what it leaves is quarantined.",
    ),
    Verb(
        "deploy",
        "work",
        "services",
        "Pin a service and move its ref there, as far as the policy lets it.",
        runs_code=True,
        gathers=True,
    ),
    Verb("undeploy", "write", "services", "Propose that the ref of a service goes."),
    Verb(
        "rollouts",
        "read",
        "services",
        "Tell what rolls and what has rolled, newest first: how far it has come, how it is judged, and why it stands there.",
    ),
    Verb("pause", "write", "services", "Hold a rollout where it is: only what is found to be worse still ends it."),
    Verb("resume", "write", "services", "Let a rollout that was paused go on from where it is."),
    Verb("abort", "write", "services", "End a rollout: every unit meets the old version again, and no ref has moved."),
    Verb("services", "read", "services", "List deployments: what should be served, and what answers now."),
    Verb(
        "traffic",
        "read",
        "services",
        "Tell how much a service was asked, by time and arm: requests, rows, errors, what it refused, and how long answers took.",
    ),
    Verb(
        "monitors",
        "read",
        "services",
        "List the monitors of what is deployed: where each stands, what it saw last, its open alert, and whether it is silenced.",
    ),
    Verb(
        "drift",
        "read",
        "services",
        "Compare what a service was asked, and answered, with what its model was trained on, column by column.",
    ),
    Verb(
        "alerts",
        "read",
        "services",
        "Tell what monitors of services saw, newest first: since when, under which change, who knows.",
    ),
    Verb(
        "acknowledge",
        "write",
        "services",
        "Say that you have seen an alert and see to it. It goes on until its monitor is content.",
    ),
    Verb(
        "silence",
        "write",
        "services",
        "Have nobody notified of alerts for a while. They are recorded all the same, and count where a policy counts alerts.",
    ),
    Verb("incident", "write", "services", "Open an incident: something goes wrong in production."),
    Verb(
        "blame",
        "write",
        "services",
        "Say which change caused an incident, or with --fixes which one fixed it: what delivery measures count from then on.",
    ),
    Verb("resolve", "write", "services", "Say that an incident is over: users are served as before."),
    Verb("reopen", "write", "services", "Open an incident again that was resolved too early."),
    Verb(
        "label",
        "write",
        "services",
        "Attach the truth to predictions, by their ids or by the columns that the service declares. Durable when it answers.",
    ),
    Verb(
        "predictions",
        "read",
        "services",
        "List predictions of a service with their labels, newest event first. What was answered a moment ago is among them.",
    ),
    Verb(
        "quality",
        "read",
        "services",
        "Measure a service by the labels that have come, by window, arm and slice, and tell how many predictions have one.",
    ),
    Verb(
        "monitoring",
        "read",
        "services",
        "Write what Prometheus and Grafana need to watch a service, from its specification, as files by name.",
    ),
    Verb(
        "overview",
        "read",
        "questions",
        "Tell what is current and why, which changes are open and what each lacks, what runs, what failed, what waits for you.",
    ),
    Verb("show", "read", "questions", "Show one thing; for a change its review, for an incident what happened."),
    Verb("card", "read", "questions", "Write the card of a model in Markdown, from what the ledger knows."),
    Verb(
        "postmortem",
        "read",
        "questions",
        "Write the post-incident page of an incident in Markdown, from the feed and what the ledger knows beside it.",
    ),
    Verb("find", "read", "questions", "Search runs, traces, changes or incidents, newest first; experiments by name."),
    Verb(
        "search",
        "read",
        "questions",
        "Find everything that some words stand in: assets, refs, versions, runs, changes, events, people, files.",
    ),
    Verb(
        "feed",
        "read",
        "questions",
        "Tell what has happened, newest first; with --after oldest first, to go on from an event that is known.",
    ),
    Verb("why", "read", "questions", "Tell why something is there."),
    Verb("impact", "read", "questions", "Tell what a thing has touched.", goes_on=True),
    Verb(
        "insights",
        "read",
        "questions",
        "Measure delivery: the five keys of code, data and models, where changes spend their time, what working here is like.",
    ),
    Verb(
        "respond",
        "write",
        "questions",
        "Answer a question of the survey: once in a quarter, those that end in -ok once in a month. Saying it again replaces it.",
        names_assets=False,
    ),
    Verb(
        "assess",
        "write",
        "questions",
        "Say whether your team does something that the ledger cannot see. It is kept with your name and the time.",
        names_assets=False,
    ),
    Verb("history", "read", "questions", "Tell the versions of an asset or the moves of a ref, newest first."),
    Verb(
        "about",
        "read",
        "rules",
        "Tell how this project is run: policies in force, teams and roles, workers, how long its feed is.",
    ),
    Verb("policy", "write", "rules", "Show the policy in force, or propose a new one."),
    Verb(
        "triggers",
        "read",
        "rules",
        "List triggers: what each waits for and does, when it last fired and when its time comes next; or the firings of one.",
    ),
    Verb(
        "fire",
        "write",
        "rules",
        "Fire a trigger now, as if its time or its cause had come: to try it, or to make up for something.",
    ),
    Verb("whoami", "read", "rules", "Tell who you are to this loop, and what you may do.", names_assets=False),
    Verb(
        "grant",
        "write",
        "rules",
        "Put an actor into a team that policies can name, or give an actor or a team a role.",
        names_assets=False,
    ),
    Verb("issue", "write", "rules", "Issue a token for a person, a service or an assistant.", names_assets=False),
    Verb(
        "revoke",
        "write",
        "rules",
        "End a token now, and every browser that was signed in with it; or shut an actor out with everything they have.",
        names_assets=False,
    ),
    Verb(
        "subscribe",
        "write",
        "rules",
        "Send the events of this project to an address, in order and at least once.",
        names_assets=False,
    ),
    Verb(
        "unsubscribe",
        "write",
        "rules",
        "End a subscription. What was not delivered yet is not delivered any more.",
        names_assets=False,
    ),
    Verb(
        "redeliver",
        "write",
        "rules",
        "Try dead events once more, out of order, and resume a subscription that is paused or waits for its next try.",
        names_assets=False,
    ),
    Verb("delete", "write", "rules", "Mark an asset, a version, a run or an experiment as deleted."),
    Verb("verify", "work", "rules", "Check the feed's chain and that every blob is there."),
)
BY_NAME: dict[str, Verb] = {verb.name: verb for verb in VERBS}


def load(name: str) -> Callable[..., Any]:
    """Import one verb and give its function."""
    function: Callable[..., Any] = getattr(import_module(f"loopline.verbs.{name}"), name)
    return function
