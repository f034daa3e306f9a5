"""What import-linter cannot say about who may use what."""

from __future__ import annotations

import ast
import sys

import pytest

from tests.house.source import BELOW_VERBS, SourceFile, dotted, python_files, source

DRIVERS = {"sqlite3", "pysqlite3", "psycopg", "psycopg2", "obstore", "boto3"}
WEB = {"http", "starlette", "uvicorn", "fastapi", "flask", "aiohttp", "httpx", "requests", "urllib3", "socketserver"}
ASYNC = {"asyncio", "anyio", "trio"}
ADAPTERS = ("loopline.store.local", "loopline.store.sqlite", "loopline.store.postgres", "loopline.executors.local")
MAY_NAME_ADAPTERS = ("wiring", "testing")

CHANCE = {
    "datetime.now", "datetime.utcnow", "datetime.today", "datetime.datetime.now", "datetime.datetime.utcnow",
    "date.today", "datetime.date.today", "time.time", "time.time_ns", "uuid.uuid1", "uuid.uuid4", "uuid.uuid7", "uuid4",
    "os.urandom", "os.getrandom",
}  # fmt: skip
CHANCE_MODULES = {"random", "secrets"}
SPEAKS_S3 = {"src/loopline/store/s3calls.py"}
"""A driver of an object store, as obstore is, for requests that obstore does not offer: nobody above it sees HTTP."""
SYSTEM = "src/loopline/store/system.py"


def test_nouns_import_only_the_standard_library() -> None:
    """Nouns are values: they need nothing that could fail, and never change."""
    foreign = [
        f"{file}:{line} {name}"
        for file in python_files("src/loopline/nouns")
        for line, name in file.imports()
        if name.split(".")[0] not in sys.stdlib_module_names
        and not name.startswith(("loopline.nouns", "loopline.errors"))
    ]
    assert foreign == []


def test_only_the_store_imports_a_driver() -> None:
    """Who talks to a database or an object store is in one package."""
    assert [hit for file in source() if file.package != "store" for hit in uses(file, DRIVERS)] == []


def test_nothing_below_faces_knows_the_web() -> None:
    """HTTP is a protocol's word: it lives in its face."""
    below = [file for file in source() if file.package not in ("faces", "server", "sdk") and str(file) not in SPEAKS_S3]
    assert [hit for file in below for hit in uses(file, WEB)] == []


def test_nothing_below_faces_is_async() -> None:
    """From verbs down there is one colour."""
    below = [file for file in source() if file.package in ("verbs", *BELOW_VERBS)]
    assert [hit for file in below for hit in uses(file, ASYNC)] == []
    assert [str(f) for f in below for node in f.functions if isinstance(node, ast.AsyncFunctionDef)] == []


def test_only_wiring_names_an_adapter() -> None:
    """Verbs and columns know ports; which adapter is behind one is decided in one module."""
    named = [
        f"{file}:{line} {name}"
        for file in source()
        for line, name in file.imports()
        if name.startswith(ADAPTERS)
        and file.package not in MAY_NAME_ADAPTERS
        and f"loopline.{file.package}" != ".".join(name.split(".")[:2])
    ]
    assert named == []


def test_time_and_chance_come_in_through_the_loop() -> None:
    """Below verbs only store/system.py asks the machine for the time, an id or a random number."""
    asked = [
        hit
        for file in source()
        if file.package in ("verbs", *BELOW_VERBS) and str(file) != SYSTEM
        for hit in chance(file.tree)
    ]
    assert asked == []


@pytest.mark.parametrize(
    "code",
    [
        "import random",
        "from uuid import uuid4",
        "import datetime\ndatetime.datetime.now()",
        "import time\nx = time.time()",
        "import numpy as np\nnp.random.default_rng()",
        "import numpy as np\nnp.random.normal(3)",
    ],
)
def test_chance_is_noticed(code: str) -> None:
    """The rule above sees each way in which a module asks the machine."""
    assert chance(ast.parse(code))


@pytest.mark.parametrize(
    "code",
    [
        "import time\ntime.monotonic()",
        "import numpy as np\nnp.random.default_rng(seed)",
        "from datetime import datetime",
    ],
)
def test_measuring_and_seeded_generators_are_free(code: str) -> None:
    """What can be replayed, or only measures, is no chance."""
    assert not chance(ast.parse(code))


def uses(file: SourceFile, modules: set[str]) -> list[str]:
    """Imports of any of `modules`, as file:line name."""
    return [f"{file}:{line} {name}" for line, name in file.imports() if name.split(".")[0] in modules]


def chance(tree: ast.Module) -> list[str]:
    """Where this module asks the machine for something that cannot be replayed."""
    hits = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            hits += [f"{node.lineno} {a.name}" for a in node.names if a.name in CHANCE_MODULES]
        elif isinstance(node, ast.ImportFrom) and node.module:
            from_module = node.module in CHANCE_MODULES
            names = [f"{node.module}.{a.name}" for a in node.names]
            hits += [f"{node.lineno} {name}" for name in names if from_module or name in CHANCE]
        elif isinstance(node, ast.Call):
            name = dotted(node.func)
            seeded = (
                name.endswith(("random.default_rng", "random.Generator", "random.PCG64", "random.SeedSequence"))
                and node.args
            )
            if name in CHANCE or (".random." in f".{name}" and not seeded):
                hits.append(f"{node.lineno} {name}")
    return hits
