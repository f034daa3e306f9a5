"""Which edits change a step's cache key, and which must not."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.errors import Invalid
from loopline.nouns.artifact import Artifact
from loopline.nouns.digest import digest_of
from loopline.pipelines.arguments import AssetInput, Items, OutputOf, argument_of
from loopline.pipelines.codecs import FRAME
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
D1, D2 = digest_of(b"1"), digest_of(b"2")


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write files and give their folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return folder


def node(call: str = "main:fit", **arguments: object) -> Node:
    """Make a node with plain arguments."""
    written = tuple((name, argument_of(value, step="s", parameter=name)) for name, value in arguments.items())
    return Node("n", call, written)


def key_of(folder: Path, call: str) -> tuple[str, Parts]:
    """Give the key of a step of the project."""
    key, parts = Keys(folder, packages=NOBODY).of(node(f"main:{call}"), {})
    return key, parts()


def edited(tmp_path: Path, call: str, file: str, old: str, new: str) -> tuple[tuple[str, Parts], tuple[str, Parts]]:
    """Give a step's key before and after an edit."""
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
    (
        "fit",
        "main.py",
        "def entry():\n    return 1",
        "def entry():\n    return 2",
        "an entry of a registry it does not use",
    ),
    ("fit", "main.py", 'return "int"', 'return "INT"', "an implementation of what it does not call"),
    ("fit", "main.py", "return globals()[name]", "return globals()[name + 'x']", "another step"),
    ("fit", "main.py", 'fit(Data("data/x"))', 'fit(Data("data/y"))', "the pipeline"),
    ("fit", "shapes/__init__.py", "def other(x):\n    return x", "def other(x):\n    return 2 * x", "a module's rest"),
    (
        "fit",
        "shapes/round.py",
        "def other(x):\n    return x",
        "def other(x):\n    return 2 * x",
        "that of a local import",
    ),
    (
        "fit",
        "lib/clean.py",
        "def messy(x):\n    return x",
        "def messy(x):\n    return -x",
        "the rest of another module",
    ),
    (
        "fit",
        "lib/star.py",
        "def shining(x):\n    return x",
        "def shining(x):\n    return -x",
        "the rest of a star import",
    ),
    ("fit", "lib/__init__.py", "VERSION = 1", "VERSION = 2", "a constant of a package it passes through"),
    ("fit", "stray.py", "return 1", "return 2", "a module nobody imports"),
    ("fit", "query.sql", "select 1", "select 2", "a file nobody reads"),
    ("dynamic", "lib/clean.py", "return far(x)", "return far(x) + 1", "another module than the one looked into"),
    ("split", "main.py", "retries=2", "retries=3, timeout=9, retry_delay=1, cache=False", "how it is run"),
    ("dynamic", "lib/stats.py", "return 2", "return 2  # two", "a comment in a module that counts as a whole"),
]


@pytest.mark.parametrize(("call", "file", "old", "new"), [c[:4] for c in CHANGES], ids=[c[4] for c in CHANGES])
def test_an_edit_of_what_a_step_reaches_changes_its_key(
    tmp_path: Path, call: str, file: str, old: str, new: str
) -> None:
    """An edit that can change what a step gives changes its key."""
    before, after = edited(tmp_path, call, file, old, new)
    assert before[0] != after[0]
    assert differences(before[1], after[1])


@pytest.mark.parametrize(("call", "file", "old", "new"), [c[:4] for c in KEEPS], ids=[c[4] for c in KEEPS])
def test_an_edit_of_anything_else_keeps_the_key(tmp_path: Path, call: str, file: str, old: str, new: str) -> None:
    """An edit that cannot change what a step gives keeps its key."""
    before, after = edited(tmp_path, call, file, old, new)
    assert differences(before[1], after[1]) == ()
    assert before[0] == after[0]


def test_where_a_project_lies_does_not_count(tmp_path: Path) -> None:
    """Keys are the same in any folder, whatever the files' times."""
    one = key_of(write(tmp_path / "a", FILES), "fit")
    other = key_of(write(tmp_path / "b" / "deeper" / "src", FILES).parent, "fit")
    assert one == other


def test_what_differs_is_named(tmp_path: Path) -> None:
    """Two keys can be compared down to the statement that was changed."""
    before, after = edited(tmp_path, "fit", "main.py", "LIMIT = 3", "LIMIT = 4")
    assert [(one.part, one.name) for one in differences(before[1], after[1])] == [("code", "main.LIMIT")]
    assert str(differences(before[1], after[1])[0]) == "code main.LIMIT changed"


def test_parameters_and_inputs_count_and_are_named(tmp_path: Path) -> None:
    """Another parameter, another input or another form of it gives another key, and says so."""
    keys = Keys(write(tmp_path, FILES), packages=NOBODY)
    data = AssetInput("data", "data", "data/x")

    def of(lr: float, artifact: Artifact, leaf: AssetInput = data) -> tuple[str, Parts]:
        from loopline.pipelines.arguments import Constant

        key, parts = keys.of(Node("n", "main:fit", (("data", leaf), ("lr", Constant(lr)))), {leaf: artifact})
        return key, parts()

    base = of(0.1, Artifact(D1, "a"))
    assert of(0.1, Artifact(D1, "a", 99)) == base
    others = {"lr": of(0.2, Artifact(D1, "a")), "data": of(0.1, Artifact(D2, "a"))}
    assert {name: [one.name for one in differences(base[1], other[1])] for name, other in others.items()} == {
        "lr": ["lr"],
        "data": ["data"],
    }
    assert str(differences(base[1], others["lr"][1])[0]) == "parameter lr 0.1 → 0.2"
    assert of(0.1, Artifact(D1, "b"))[0] != base[0]
    assert of(0.1, Artifact(D1, "a"), AssetInput("other", "data", "data/y@7"))[0] == base[0], "names are incidental"


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


def shape(value: object) -> object:
    """Write a value so that what Python calls equal but a step can tell apart is not equal."""
    if isinstance(value, dict):
        return "dict", sorted((repr(key), shape(one)) for key, one in value.items())
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [shape(one) for one in value]
    return repr(value)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Read the project once."""
    return Keys(write(tmp_path_factory.mktemp("project"), FILES), packages=NOBODY)


@given(PLAIN, PLAIN)
def test_keys_are_equal_exactly_when_parameters_are(keys: Keys, one: object, other: object) -> None:
    """Two parameters give one key when no step could tell them apart, the order of dictionaries aside."""
    same = keys.of(node(x=one), {})[0] == keys.of(node(x=other), {})[0]
    assert same == (repr(shape(one)) == repr(shape(other)))


@given(st.dictionaries(st.text(max_size=4), PLAIN, max_size=5), st.randoms())
def test_the_order_of_a_dictionary_does_not_count(keys: Keys, value: dict[str, object], chance: object) -> None:
    """A parameter that is a dictionary gives one key in any order."""
    shuffled = list(value.items())
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert keys.of(node(x=value), {})[0] == keys.of(node(x=dict(shuffled)), {})[0]


def test_an_input_in_a_list_counts(keys: Keys) -> None:
    """Outputs inside lists are inputs like any other."""
    leaf = OutputOf("a", "result")
    nested = Node("n", "main:fit", (("x", Items("list", (leaf,))),))
    assert keys.of(nested, {leaf: Artifact(D1)})[0] != keys.of(nested, {leaf: Artifact(D2)})[0]


def test_parts_survive_being_written(keys: Keys) -> None:
    """Parts that were kept can be compared with those of today."""
    parts = keys.of(node(lr=0.1), {})[1]()
    assert parts_from(parts.dump()) == parts
    with pytest.raises(Invalid) as caught:
        parts_from(b"{}")
    assert caught.value.kind == "bad-parts"


def test_packages_count_by_version(tmp_path: Path) -> None:
    """A new version of a package that a step reaches gives a new key; one it does not reach keeps it."""
    files = {
        "main.py": "import tool\nimport other\n\ndef fit():\n    return tool.x\n\ndef more():\n    return other.x\n"
    }
    write(tmp_path / "code", files)

    def key(tool: str, other: str) -> tuple[str, Parts]:
        site = tmp_path / f"site-{tool}-{other}"
        for name, version in (("tool", tool), ("other", other)):
            write(site, {f"{name}-{version}.dist-info/RECORD": f"{name}/__init__.py,,\n"})
        made, parts = Keys(tmp_path / "code", packages=Packages([str(site)])).of(node("main:fit"), {})
        return made, parts()

    assert key("1", "1") == key("1", "2")
    assert [str(one) for one in differences(key("1", "1")[1], key("2", "1")[1])] == ["package tool 1 → 2"]


def test_what_an_input_is_read_with_counts(tmp_path: Path) -> None:
    """A step that gets a frame computes with pandas, whether or not it imports it."""
    write(tmp_path / "code", {"main.py": "def score(frame):\n    return frame.sum()\n"})
    leaf = OutputOf("a", "result")
    found = []
    for version in ("2", "3"):
        site = write(tmp_path / version, {f"pandas-{version}.dist-info/RECORD": "pandas/__init__.py,,\n"})
        keys = Keys(tmp_path / "code", packages=Packages([str(site)]))
        one = Node("n", "main:score", (("frame", leaf),))
        found.append(tuple(keys.of(one, {leaf: Artifact(D1, kind)})[0] for kind in (FRAME, "application/json")))
    assert found[0][0] != found[1][0]
    assert found[0][1] == found[1][1]


@pytest.mark.parametrize("where", ["main.py", "lib/deep.py"])
def test_code_that_cannot_be_parsed_is_named(tmp_path: Path, where: str) -> None:
    """A syntax error anywhere in what a step reaches is told with file and line."""
    write(tmp_path, FILES | {where: "x = 1\ny = (\n"})
    with pytest.raises(Invalid) as caught:
        key_of(tmp_path, "fit")
    assert caught.value.kind == "broken-module"
    assert (caught.value.facts["file"], caught.value.facts["line"]) == (where, 2)


def test_a_thousand_keys_share_the_work(keys: Keys) -> None:
    """Reading the project's code is done once a step, not once a node."""
    import time

    keys.of(node(lr=1), {})
    began = time.process_time()
    for number in range(1000):
        keys.of(node(lr=number), {})
    assert time.process_time() - began < 0.3
