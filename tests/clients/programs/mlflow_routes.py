"""Print every route that the installed mlflow declares: by its descriptors, and by the applications of its server."""

from __future__ import annotations

import importlib
import importlib.util
import json
import pkgutil
import sys
import warnings
from pathlib import Path

import mlflow.protos
from mlflow.protos import databricks_pb2

warnings.simplefilter("ignore")


def declared() -> set[tuple[str, str, str]]:
    """Give service, method and address of each call that a descriptor declares."""
    found = set()
    for module in pkgutil.iter_modules(mlflow.protos.__path__):
        if not module.name.endswith("_pb2"):
            continue
        made = importlib.import_module(f"mlflow.protos.{module.name}")
        for service in made.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                for one in method.GetOptions().Extensions[databricks_pb2.rpc].endpoints:
                    path = f"/api/{one.since.major}.0/{one.path.lstrip('/')}"
                    found.add((service.name, one.method, path))
    return found


def answered() -> set[tuple[str, str, str]]:
    """Give what a running server of this release answers, whatever declares it."""
    from mlflow.server import app

    found = {("flask", method, rule.rule) for rule in app.url_map.iter_rules() for method in rule.methods or ()}
    try:
        from mlflow.server.fastapi_app import create_fastapi_app
    except ImportError:  # releases of 2.x have none
        return found
    walk(create_fastapi_app(app).routes, found)
    return found


def walk(routes: list, found: set[tuple[str, str, str]], prefix: str = "") -> None:
    """Add the routes of an application, and of what is included in it."""
    for one in routes:
        inner = getattr(one, "original_router", None) or getattr(one, "router", None)
        mounted = getattr(getattr(one, "include_context", None), "prefix", "")
        if getattr(one, "methods", None):
            found.update(("fastapi", method, prefix + one.path) for method in one.methods)
        elif inner is not None:
            walk(inner.routes, found, prefix + mounted)


def accounts() -> set[tuple[str, str, str]]:
    """Give the addresses of the plugin for accounts; it does not say there by which method. It need not be installed whole."""
    file = Path(mlflow.__file__).parent / "server" / "auth" / "routes.py"
    spec = importlib.util.spec_from_file_location("auth_routes", file)
    assert spec is not None
    assert spec.loader is not None
    routes = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(routes)
    own = str(file.parent)
    texts = [one for one in vars(routes).values() if isinstance(one, str) and one.startswith("/")]
    return {("auth", "ANY", one) for one in texts if not one.startswith(own)}


found = declared() | answered() | accounts()
json.dump(
    {"version": mlflow.__version__, "routes": sorted(one for one in found if one[1] not in ("HEAD", "OPTIONS"))},
    sys.stdout,
)
