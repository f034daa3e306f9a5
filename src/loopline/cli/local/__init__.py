"""local: commands that need this machine: its terminal, its files, its settings.

One function a file, of the file's name, read by usage as a verb is. Its first parameter is the `Place` it was called from
(cli/place.py); it gives a value to draw, or None. COMMANDS lists them in the order of the loop.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from loopline.verbs import Verb

if TYPE_CHECKING:
    from collections.abc import Callable

COMMANDS: tuple[Verb, ...] = (
    Verb("init", "local", "set up", "Make this folder a project: loopline.toml, .loopline/, and a line in .gitignore."),
    Verb("doctor", "local", "set up", "Look for what is missing or broken on this machine, and name the cure."),
    Verb("config", "local", "set up", "List the settings in force and where each one comes from."),
    Verb("demo", "local", "set up", "Play the whole story on real flights, each command as one could type it."),
    Verb("run", "local", "runs", "Run a pipeline; steps whose inputs and code are known come from the cache."),
    Verb("deploy", "local", "services", "Pin a service and move its ref there, as far as the policy lets it."),
    Verb("policy", "local", "rules", "Show the policy in force, or propose the one in loopline.toml."),
    Verb("add", "write", "data", "Publish files as the next version and move a branch to it."),
    Verb("merge", "write", "data", "Merge a version into a ref: path by path, against what both come from."),
    Verb("status", "local", "data", "Compare working folders with the versions that they were checked out from."),
    Verb(
        "watch",
        "local",
        "data",
        "Keep what changes in a folder, so that `loopline status` is told and looks at nothing else.",
    ),
    Verb(
        "expect",
        "local",
        "data",
        "Hold the tables of a folder or of a version against what is expected of them; exit code 1 where one does not hold.",
    ),
    Verb("checkout", "local", "data", "Make a folder hold the files of a version."),
    Verb(
        "lock",
        "local",
        "data",
        "Write which version each folder of data holds to loopline.lock, to be committed with the code.",
    ),
    Verb("cat", "local", "data", "Write a file of a version to stdout, as it is."),
    Verb(
        "push",
        "local",
        "data",
        "Send a version with all its files to another store.",
    ),
    Verb(
        "pull",
        "local",
        "data",
        "Get a version with all its files from another store, and move a branch to it.",
    ),
    Verb(
        "adopt",
        "local",
        "data",
        "Make versions of what a repository of DVC keeps, as it is now or commit by commit.",
    ),
    Verb(
        "export",
        "local",
        "data",
        "Write a version as another tool would have it: for DVC, its objects and its .dvc file.",
    ),
    Verb(
        "import_lakefs",
        "local",
        "data",
        "Bring a repository of lakeFS with its history: commits become versions, branches and tags refs, objects files.",
    ),
    Verb("put", "write", "runs", "Publish an artifact as the next version of an asset. No ref moves."),
    Verb("get", "local", "runs", "Find the version that a pointer means now, and write its bytes to a file or folder."),
    Verb(
        "label",
        "write",
        "services",
        "Attach the truth to predictions, by their ids or by the columns that the service declares. Durable when it answers.",
    ),
    Verb(
        "monitoring",
        "read",
        "services",
        "Write what Prometheus and Grafana need to watch a service, from its specification, as files by name.",
    ),
    Verb("shell", "local", "runs", "Open Python with the loop at hand."),
    Verb(
        "login",
        "local",
        "serve",
        "Log in to a server and keep its token, for this user alone, in credentials.json beside config.toml.",
    ),
    Verb("logout", "local", "serve", "Forget the token that a login kept for a server, and end it there."),
    Verb("up", "local", "serve", "Serve this ledger: the API, the pages, a worker, and what is deployed."),
    Verb(
        "worker", "local", "serve", "Take tasks off a queue of this ledger and do them, one process each, until Ctrl-C."
    ),
    Verb(
        "tick",
        "local",
        "serve",
        "Let triggers look once, and tell what was fired or has gone on; for cron, where no server runs.",
    ),
    Verb(
        "mcp",
        "local",
        "serve",
        "Let an assistant work with this loop: speak the Model Context Protocol on stdin and stdout, until stdin ends.",
    ),
    Verb("host", "local", "serve", "Keep the services of this ledger alive on this machine, until Ctrl-C."),
    Verb(
        "insights",
        "read",
        "questions",
        "Measure delivery: the five keys of code, data and models, where changes spend their time, what working here is like.",
    ),
    Verb(
        "feed",
        "read",
        "questions",
        "Tell what has happened, newest first; with --after oldest first, to go on from an event that is known.",
    ),
    Verb(
        "backup",
        "local",
        "serve",
        "Copy the ledger and every byte, as of one moment, while others go on. The copy is verified.",
    ),
    Verb(
        "restore",
        "local",
        "serve",
        "Put a backup into an empty home, or an empty database and store that the settings name, and verify it.",
    ),
    Verb("gc", "local", "serve", "Tell which bytes nothing names any more, and give back their room."),
    Verb("verify", "work", "rules", "Check the feed's chain and that every blob is there, and put back what is not."),
    Verb("migrate", "local", "serve", "Bring the ledger's tables to what this code knows, after a copy of every row."),
    Verb("completion", "local", "set up", "Print the script that lets a shell complete commands and names."),
)


def load(name: str) -> Callable[..., Any]:
    """Import one local command and give its function."""
    function: Callable[..., Any] = getattr(import_module(f"loopline.cli.local.{name}"), name)
    return function
