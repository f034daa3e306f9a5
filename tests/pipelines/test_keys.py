"""Which edits change a step's cache key, and which must not."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.errors import Invalid
from loopline.nouns.artifact import Artifact
from loopline.nouns.digest import digest_of
from loopline.pipelines.arguments import AssetInput, Items, OutputOf, argument_of
from loopline.pipelines.graph import Node
from loopline.pipelines.keys import Keys, Parts, differences, parts_from
from loopline.pipelines.packages import Packages

MAIN = '''
"""A project."""
from __future__ import annotations
import functools
import json as js
import math
from loopline import step, pipeline, Data
import shapes
import shapes as forms
from lib import clean, stats
from lib.deep import inner
from lib.star import *
import plugins

LIMIT = 3
UNUSED = 4
TABLE = {"a": 1}
TABLE["b"] = 2
REGISTRY = {}

def register(fn):
    REGISTRY[fn.__name__] = fn
    return fn

@register
def entry():
    return 1

def timed(fn):
    @functools.wraps(fn)
    def inside(*args):
        return fn(*args)
    return inside

class Base:
    """Doc."""
    bias = 1
    def shift(self, x):
        return x + self.bias

class Child(Base):
    def scale(self, x):
        return self.shift(x) * 2

def default():
    return 7

def helper(x, y=default()):
    """Help."""
    # a comment
    return x + LIMIT + y

def unrelated(x):
    return x - UNUSED

@timed
def decorated(x):
    return x

@step
def fit(data: Data, lr: float = 0.1):
    """Fit."""
    import shapes.round as rnd
    local = helper(lr)
    return Child().scale(local) + forms.area(2) + clean.tidy(3) + inner(4) + starred(5) + decorated(1) + rnd.turn(6)

@step
def lookup(name):
    return REGISTRY[name]()

@step
def table():
    return TABLE

@step
def dynamic(name):
    return getattr(stats, name)()

@step
def imported(name):
    import importlib
    return importlib.import_module("lib." + name)

@step(retries=1)
def by_globals(name):
    return globals()[name]

@step
def reads_file():
    from pathlib import Path
    return (Path(__file__).parent / "query.sql").read_text()

@step
def plugged():
    return plugins.HANDLERS

@functools.singledispatch
def show(x):
    return "?"

@show.register
def _show_int(x: int):
    return "int"

@step
def shows(x):
    return show(x)

@step(outputs=("a", "b"), retries=2)
def split():
    return 1, 2

@pipeline
def train():
    fit(Data("data/x"))
'''
FILES = {
    "main.py": MAIN,
    "shapes/__init__.py": "def area(x):\n    return x * x\n\ndef other(x):\n    return x\n",
    "shapes/round.py": "PI = 3\n\ndef turn(x):\n    return x * PI\n\ndef other(x):\n    return x\n",
    "lib/__init__.py": "VERSION = 1\n",
    "lib/clean.py": "from .deep import inner as far\n\ndef tidy(x):\n    return far(x)\n\ndef messy(x):\n    return x\n",
    "lib/deep.py": "def inner(x):\n    return x + 1\n\ndef outer(x):\n    return x\n",
    "lib/stats.py": "def mean():\n    return 1\n\ndef median():\n    return 2\n",
    "lib/star.py": "def starred(x):\n    return x\n\ndef shining(x):\n    return x\n",
    "plugins.py": "HANDLERS = []\nimport plugin_a\n",
    "plugin_a.py": "import plugins\n\nclass A:\n    size = 1\n\nplugins.HANDLERS.append(A)\n",
    "query.sql": "select 1",
    "stray.py": "def stray():\n    return 1\n",
}
NOBODY = Packages([])


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return folder


def node(call: str = "main:fit", **arguments: object) -> Node:
    written = tuple((name, argument_of(value, step="s", parameter=name)) for name, value in arguments.items())
    return Node("n", call, written)


def key_of(folder: Path, call: str) -> tuple[str, Parts]:
    key, parts = Keys(folder, packages=NOBODY).of(node(f"main:{call}"), {})
    return key, parts()


def edited(tmp_path: Path, call: str, file: str, old: str, new: str) -> tuple[tuple[str, Parts], tuple[str, Parts]]:
    before = key_of(write(tmp_path / "before", FILES), call)
    assert old in FILES[file]
    after = key_of(write(tmp_path / "after", FILES | {file: FILES[file].replace(old, new)}), call)
    return before, after


CHANGES = [
    ("fit", "main.py", "Child().scale(local)", "Child().scale(local) * 1", "the step itself"),
    ("fit", "main.py", "return x + LIMIT + y", "return x + LIMIT - y", "a function it calls"),
    ("fit", "main.py", "LIMIT = 3", "LIMIT = 4", "a constant of a function it calls"),
    ("fit", "main.py", "return 7", "return 8", "a function behind a default argument"),
    ("fit", "main.py", "return self.shift(x) * 2", "return self.shift(x) * 3", "a method"),
    ("fit", "main.py", "return x + self.bias", "return x - self.bias", "an inherited method"),
    ("fit", "main.py", "    bias = 1", "    bias = 2", "a class attribute of a base"),
    ("fit", "main.py", "return fn(*args)", "return fn(*args) or 0", "a decorator of a function it calls"),
    ("fit", "main.py", "lr: float = 0.1", "lr: float = 0.2", "a default"),
    ("fit", "main.py", "import shapes as forms", "import lib.star as forms", "what an alias means"),
    ("fit", "main.py", 'TABLE["b"] = 2', 'TABLE["b"] = 3', "a statement that runs on import"),
    ("fit", "shapes/__init__.py", "return x * x", "return x * x * x", "import x as y; y.f()"),
    ("fit", "shapes/round.py", "PI = 3", "PI = 4", "a module imported inside the function"),
    ("fit", "lib/clean.py", "return far(x)", "return far(x) + 1", "from package import module"),
    ("fit", "lib/deep.py", "return x + 1", "return x + 2", "a relative import, two modules away"),
    ("fit", "lib/star.py", "def starred(x):\n    return x", "def starred(x):\n    return -x", "from x import *"),
    ("lookup", "main.py", "def entry():\n    return 1", "def entry():\n    return 2", "an entry of a registry"),
    ("lookup", "main.py", "REGISTRY[fn.__name__] = fn", "REGISTRY['x'] = fn", "how a registry is filled"),
    ("table", "main.py", 'TABLE["b"] = 2', 'TABLE["b"] = 3', "a change in place of a variable"),
    ("dynamic", "lib/stats.py", "return 2", "return 3", "getattr on a module"),
    ("imported", "lib/stats.py", "return 2", "return 3", "import_module of a name that is made"),
    ("imported", "stray.py", "return 1", "return 3", "import_module may reach any module"),
    ("by_globals", "main.py", "return x - UNUSED", "return x + UNUSED", "globals()"),
    ("reads_file", "query.sql", "select 1", "select 2", "a file found through __file__"),
    ("plugged", "plugin_a.py", "size = 1", "size = 2", "a plugin that registers itself"),
    ("shows", "main.py", 'return "int"', 'return "INT"', "an implementation of a single-dispatch function"),
    ("split", "main.py", 'outputs=("a", "b")', 'outputs=("a", "c")', "names of outputs"),
]
KEEPS = [
    ("fit", "main.py", "# a comment", "# another comment", "a comment"),
    ("fit", "main.py", '"""Help."""', '"""Say more.\n\n    Much more."""', "a docstring"),
    ("fit", "main.py", '"""Help."""\n', "\n", "no docstring"),
    ("fit", "main.py", '"""A project."""', '"""The project."""', "the module's docstring"),
    ("fit", "main.py", '    """Doc."""\n', "", "a class without docstring"),
    ("fit", "main.py", "return x + LIMIT + y", "return (x\n        + LIMIT + y)", "line breaks"),
    ("fit", "main.py", "return x - UNUSED", "return x + UNUSED", "a function it does not reach"),
    ("fit", "main.py", "UNUSED = 4", "UNUSED = 5", "a constant it does not reach"),
    ("fit", "main.py", "def entry():\n    return 1", "def entry():\n    return 2", "an entry of a registry it does not use"),
    ("fit", "main.py", 'return "int"', 'return "INT"', "an implementation of what it does not call"),
    ("fit", "main.py", "return globals()[name]", "return globals()[name + 'x']", "another step"),
    ("fit", "main.py", 'fit(Data("data/x"))', 'fit(Data("data/y"))', "the pipeline"),
    ("fit", "shapes/__init__.py", "def other(x):\n    return x", "def other(x):\n    return 2 * x", "a module's rest"),
    ("fit", "shapes/round.py", "def other(x):\n    return x", "def other(x):\n    return 2 * x", "that of a local import"),
    ("fit", "lib/clean.py", "def messy(x):\n    return x", "def messy(x):\n    return -x", "the rest of another module"),
    ("fit", "lib/star.py", "def shining(x):\n    return x", "def shining(x):\n    return -x", "the rest of a star import"),
    ("fit", "lib/__init__.py", "VERSION = 1", "VERSION = 2", "a constant of a package it passes through"),
    ("fit", "stray.py", "return 1", "return 2", "a module nobody imports"),
    ("fit", "query.sql", "select 1", "select 2", "a file nobody reads"),
    ("dynamic", "lib/clean.py", "return far(x)", "return far(x) + 1", "another module than the one looked into"),
    ("split", "main.py", "retries=2", "retries=3, timeout=9, retry_delay=1, cache=False", "how it is run"),
    ("dynamic", "lib/stats.py", "return 2", "return 2  # two", "a comment in a module that counts as a whole"),
]


@pytest.mark.parametrize(("call", "file", "old", "new"), [c[:4] for c in CHANGES], ids=[c[4] for c in CHANGES])
def test_an_edit_of_what_a_step_reaches_changes_its_key(tmp_path, call, file, old, new):
    """An edit that can change what a step gives changes its key."""
    before, after = edited(tmp_path, call, file, old, new)
    assert before[0] != after[0]
    assert differences(before[1], after[1])


@pytest.mark.parametrize(("call", "file", "old", "new"), [c[:4] for c in KEEPS], ids=[c[4] for c in KEEPS])
def test_an_edit_of_anything_else_keeps_the_key(tmp_path, call, file, old, new):
    """An edit that cannot change what a step gives keeps its key."""
    before, after = edited(tmp_path, call, file, old, new)
    assert differences(before[1], after[1]) == ()
    assert before[0] == after[0]
