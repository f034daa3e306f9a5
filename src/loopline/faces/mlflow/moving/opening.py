"""opening: a tracking store by the address that its users know."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from loopline.errors import Invalid
from loopline.faces.mlflow.moving.places import Places
from loopline.faces.mlflow.moving.store import Store

_BESIDE = ("mlartifacts", "mlruns")
"""Where MLflow puts artifacts, beside a database, where nobody says otherwise."""


def open_store(uri: str, *, artifacts: Sequence[str] = (), environ: Mapping[str, str]) -> Store:
    """Open a server, a folder or a database, to read it. Raise Invalid, NotFound, Refused, Unavailable.

    `artifacts` are further folders and buckets in which its artifacts may lie; the first is what its server calls
    `mlflow-artifacts:`, where no server is asked.
    """
    scheme = uri.partition(":")[0].partition("+")[0]
    if scheme in ("http", "https"):
        from loopline.faces.mlflow.moving.server import Asking, ServerFolder, ServerStore

        asking = Asking(uri, environ)
        return ServerStore(asking, Places(artifacts, lambda path: ServerFolder(asking, path)))
    if scheme in ("sqlite", "postgresql", "postgres", "mysql", "mssql"):
        from loopline.faces.mlflow.moving.database import DatabaseStore
        from loopline.store.borrowed import borrow

        beside = Path(uri.partition(":///")[2].partition("?")[0]).parent if scheme == "sqlite" else None
        own = [str(beside / name) for name in _BESIDE if (beside / name).is_dir()] if beside else []
        return DatabaseStore(borrow(uri), Places([*artifacts, *own]))
    from loopline.faces.mlflow.moving.folder import FolderStore

    path = Path(unquote(urlsplit(uri).path) if scheme == "file" else uri)
    if "://" in uri and scheme != "file":
        raise Invalid(
            f"nothing is read from {scheme}://", kind="bad-source",
            hint="name a server (https://…), a database (sqlite:///…, postgresql://…) or the folder mlruns", source=uri,
        )  # fmt: skip
    root = Path(os.path.abspath(path))  # noqa: PTH100 - links stay as they were written
    return FolderStore(root, Places([str(root), *artifacts]))
