"""Names as Python's scopes resolve them."""

from __future__ import annotations

import ast
import textwrap

import pytest

from loopline.pipelines.scopes import EVERY_FILE, EVERY_MODULE, References, bindings, references


def of(code: str, package: str = "") -> References:
    """Read one statement."""
    return references(ast.parse(textwrap.dedent(code)).body[0], package)


CASES = {
    "a global": ("def f(): return g", {"g"}),
    "a parameter hides": ("def f(g): return g", set()),
    "a local hides, also before it is bound": ("def f():\n  print(g)\n  g = 1", {"print"}),
    "a default is read outside": ("def f(g=g): return g", {"g"}),
    "an annotation counts": ("def f(x: T) -> U: return x", {"T", "U"}),
    "a comprehension keeps its variable": ("def f(xs):\n  [g for g in xs]\n  return g", {"g"}),
    "its first iterable is outside": ("def f(): return [x for x in x]", {"x"}),
    "a walrus binds around it": ("def f(xs):\n  [g := x for x in xs]\n  return g", set()),
    "a nested function sees outward": ("def f():\n  g = 1\n  def h(): return g + k\n  return h", {"k"}),
    "methods do not see the class": ("class C:\n  g = 1\n  def m(self): return g", {"g"}),
    "bases and decorators": ("@d\nclass C(B, metaclass=M): pass", {"d", "B", "M"}),
    "global reaches out": ("def f():\n  global g\n  g = 1", {"g"}),
    "a lambda": ("f = lambda a: a + b", {"f", "b"}),
    "an exception's name is local": ("def f():\n  try: pass\n  except E as g: print(g)", {"E", "print"}),
    "a pattern binds": ("def f(x):\n  match x:\n    case {'a': g, **rest}: return g, rest, h", {"h"}),
    "with and for bind": ("def f():\n  with o() as g:\n    for i in g: j = i\n  return j", {"o"}),
}


@pytest.mark.parametrize(("code", "names"), CASES.values(), ids=CASES.keys())
def test_names_follow_the_language(code: str, names: set[str]) -> None:
    """Exactly the names from outside are found."""
    assert {path[0] for path in of(code).names} == names


def test_attributes_are_kept() -> None:
    """A chain of attributes is one path, so that a module's parts can be told apart."""
    assert ("np", "random", "seed") in of("def f(): return np.random.seed(1)").names


def test_imports_inside_functions_are_followed() -> None:
    """What a local import binds is known by its module, aliases and dots resolved."""
    found = of("def f():\n  import a.b as c\n  from . import d\n  from ..e import g as h\n  return c.x, d.y, h", "p.q")
    assert {("a.b", ("x",)), ("p.q", ("d", "y")), ("p.e", ("g",))} <= found.imports
    assert {"a.b", "p.q", "p.e"} <= found.executed


WIDE = {
    "import_module(name)": ("importlib.import_module(name)", EVERY_MODULE),
    "__import__": ("__import__(name)", EVERY_MODULE),
    "the function itself": ("load = importlib.import_module", EVERY_MODULE),
    "relative": ("importlib.import_module('.a', pkg)", EVERY_MODULE),
    "subclasses": ("Base.__subclasses__()", EVERY_MODULE),
    "globals of a function": ("f.__globals__['x']", EVERY_MODULE),
    "__file__": ("Path(__file__).parent", EVERY_FILE),
    "docstrings": ("print(f.__doc__)", EVERY_FILE),
}


@pytest.mark.parametrize(("code", "word"), WIDE.values(), ids=WIDE.keys())
def test_what_is_found_at_run_time_is_wide(code: str, word: str) -> None:
    """Names that are made at run time reach every module or every file."""
    assert word in of(code).wide


def test_a_constant_name_is_an_import() -> None:
    """import_module("a.b") is as good as import a.b."""
    found = of("importlib.import_module('a.b')")
    assert found.imports == {("a.b", ())}
    assert not found.wide


def test_bindings_are_those_of_the_scope() -> None:
    """Names bound in functions inside do not count, those in blocks do."""
    code = "try:\n  import a.b\nexcept E as e:\n  c = d = 1\ndef f(): x = 1\nclass G: y = 2\n(h := 3)"
    assert set(bindings(list(ast.parse(code).body))) == {"a", "e", "c", "d", "f", "G", "h"}
