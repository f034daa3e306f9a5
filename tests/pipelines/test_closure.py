"""What a step reaches."""

from __future__ import annotations

from pathlib import Path

from loopline.pipelines.closure import Closures, Reached
from loopline.pipelines.source import SourceTree


def reach(tmp_path: Path, call: str, **files: str) -> Reached:
    """Write modules and give what a function of them reaches."""
    for name, text in files.items():
        path = tmp_path / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Closures(SourceTree(tmp_path)).of(call)


def test_labels_name_what_is_reached(tmp_path: Path) -> None:
    """The code part says which statements there are, by module and name."""
    found = reach(tmp_path, "m:f", m="import n\nK = 1\ndef f(): return n.g() + K\ndef h(): pass\n", n="def g(): pass\n")
    assert set(found.code) == {"m.f", "m.K", "m.n (import)", "n.g"}


def test_packages_are_those_that_are_used(tmp_path: Path) -> None:
    """A package counts where reached code mentions it, imports it inside, or a module imports it for its effect."""
    code = (
        "import numpy as np\nimport pandas as pd\nimport seaborn\nimport os, json\nfrom loopline import step\n"
        "def f():\n  from sklearn.linear_model import Ridge\n  return np.array(os.getcwd())\n"
        "def g(): return pd\n"
    )
    assert {name.partition(".")[0] for name in reach(tmp_path, "m:f", m=code).packages} == {
        "numpy",
        "seaborn",
        "sklearn",
    }


def test_a_type_for_checkers_counts_as_its_package(tmp_path: Path) -> None:
    """A step whose annotation says pandas gets pandas objects, also where only type checkers import it."""
    code = (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n  import pandas as pd\ndef f(x: pd.DataFrame): return x\n"
    )
    assert reach(tmp_path, "m:f", m=code).packages == {"pandas"}


def test_loopline_counts_where_it_computes(tmp_path: Path) -> None:
    """Decorators and handles do not tie a result to our version; a metric does."""
    code = "from loopline import step, evaluate, Evaluation\n"
    code += "@step\ndef f(): return Evaluation\n@step\ndef g(): return evaluate()\n"
    assert reach(tmp_path, "m:f", m=code).packages == frozenset()
    assert reach(tmp_path, "m:g", m=code).packages == {"loopline.evaluate"}


def test_a_registry_brings_its_entries(tmp_path: Path) -> None:
    """Entries that register themselves, in any module that is imported, are reached with the registry."""
    files = {
        "m": "from reg import KNOWN\nimport entries\ndef f(): return KNOWN\ndef g(): return 1\n",
        "reg": "KNOWN = {}\ndef add(f):\n  KNOWN[f.__name__] = f\n  return f\n",
        "entries": "from reg import add\n@add\ndef one(): pass\n",
    }
    assert "entries.one" in reach(tmp_path, "m:f", **files).code
    assert "entries.one" not in reach(tmp_path, "m:g", **files).code


def test_subclasses_come_with_a_base_that_keeps_them(tmp_path: Path) -> None:
    """A base class with a list of its subclasses brings them."""
    code = (
        "class Base:\n  known = []\n  def __init_subclass__(cls): Base.known.append(cls)\n"
        "class A(Base):\n  x = 1\n"
        "def f(): return Base.known\n"
    )
    assert "m.A" in reach(tmp_path, "m:f", m=code).code


def test_a_class_body_that_registers_is_reached(tmp_path: Path) -> None:
    """What runs while a class or a default argument is made can leave something in a variable."""
    code = "KNOWN = []\nclass A:\n  KNOWN.append(1)\ndef g(x=KNOWN.append(2)): pass\ndef f(): return KNOWN\ndef h(): return 1\n"
    assert {"m.A", "m.g"} <= set(reach(tmp_path, "m:f", m=code).code)
    assert set(reach(tmp_path, "m:h", m=code).code) == {"m.h"}


def test_a_star_import_may_hide_a_definition_and_a_builtin(tmp_path: Path) -> None:
    """Which of two bindings wins depends on their order: both count."""
    files = {
        "m": "def area(): pass\nfrom n import *\nfrom numpy import *\ndef f(): return area()\ndef g(): return sum([])\n",
        "n": "def area(): pass\n",
    }
    assert {"m.area", "n.area"} <= set(reach(tmp_path, "m:f", **files).code)
    assert reach(tmp_path, "m:g", **files).packages == {"numpy"}


def test_a_global_brings_its_writers(tmp_path: Path) -> None:
    """Whoever rebinds a module's name is reached with the name."""
    code = "X = 1\ndef setup():\n  global X\n  X = 2\ndef f(): return X\n"
    assert "m.setup" in reach(tmp_path, "m:f", m=code).code


def test_imports_in_circles_end(tmp_path: Path) -> None:
    """Modules that import each other are read once each."""
    found = reach(tmp_path, "a:f", a="import b\ndef f(): return b.g()\n", b="import a\ndef g(): return a.f()\n")
    assert {"a.f", "b.g"} <= set(found.code)


def test_the_order_of_effects_counts(tmp_path: Path) -> None:
    """Two statements that run on import and change places are another program."""
    one = reach(tmp_path / "1", "m:f", m="X = []\nX.append(1)\nX.append(2)\ndef f(): return X\n")
    other = reach(tmp_path / "2", "m:f", m="X = []\nX.append(2)\nX.append(1)\ndef f(): return X\n")
    assert one.code != other.code


def test_the_order_of_definitions_does_not(tmp_path: Path) -> None:
    """Functions and constants may be moved about."""
    one = reach(tmp_path / "1", "m:f", m="A = 1\nB = 2\ndef g(): return A\ndef f(): return g() + B\n")
    other = reach(tmp_path / "2", "m:f", m="B = 2\ndef f(): return g() + B\ndef g(): return A\nA = 1\n")
    assert one.code == other.code


def test_a_module_that_makes_its_names_counts_whole(tmp_path: Path) -> None:
    """A name that is nowhere in a module's text reaches all of the module."""
    files = {
        "m": "import n\ndef f(): return n.made\n",
        "n": "def __getattr__(name): return other()\ndef other(): pass\n",
    }
    assert {"n.__getattr__", "n.other"} <= set(reach(tmp_path, "m:f", **files).code)


def test_star_imports_of_packages_count(tmp_path: Path) -> None:
    """A name that nobody binds may come from a package's star import."""
    assert reach(tmp_path, "m:f", m="from numpy import *\ndef f(): return array(1)\n").packages == {"numpy"}


def test_packages_nest(tmp_path: Path) -> None:
    """Attributes lead through packages, re-exports and submodules."""
    files = {
        "m": "import p.q\nimport p\nfrom p import again\ndef f(): return p.q.g() + again()\n",
        "p____init__": "from .r import again\n",
        "p__q": "def g(): pass\ndef no(): pass\n",
        "p__r": "def again(): pass\ndef no(): pass\n",
    }
    files["p/__init__"] = files.pop("p____init__")
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "__init__.py").write_text(files.pop("p/__init__"))
    code = reach(tmp_path, "m:f", **files).code
    assert {"p.q.g", "p.r.again"} <= set(code)
    assert not any(label.endswith(".no") for label in code)
