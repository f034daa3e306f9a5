"""A repository as DVC makes it, made by hand: written from DVC's documentation, not with our own writer."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

CONFIG = "[core]\n    remote = far\n['remote \"far\"']\n    url = {url}\n"


def md5(data: bytes) -> str:
    """Hash bytes."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


class Made:
    """One repository, with a remote that is a folder."""

    def __init__(self, root: Path, *, remote: str = "") -> None:
        self.root = root
        self.cache = root / ".dvc" / "cache"
        self.far = root.parent / f"{root.name}-far"
        (root / ".dvc").mkdir(parents=True)
        (root / ".dvc" / "config").write_text(CONFIG.format(url=remote or self.far))

    def keep(self, data: bytes, *, ending: str = "", legacy: bool = False, into: Path | None = None) -> str:
        """Put an object where DVC 3 has it, or DVC 2, and give its hash."""
        value = md5(data.replace(b"\r\n", b"\n") if legacy and not ending and b"\0" not in data else data) + ending
        file = (into or self.cache) / ("" if legacy else "files/md5") / value[:2] / value[2:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_bytes(data)
        return value

    def add(
        self,
        path: str,
        data: bytes | dict[str, bytes],
        *,
        legacy: bool = False,
        into: Path | None = None,
        more: str = "",
    ) -> str:
        """Have DVC keep a file, or a folder of files; give its hash."""
        if isinstance(data, bytes):
            value, extra = self.keep(data, legacy=legacy, into=into), ""
        else:
            files = [
                {"md5": self.keep(one, legacy=legacy, into=into), "relpath": name} for name, one in sorted(data.items())
            ]
            value = self.keep(json.dumps(files, sort_keys=True).encode(), ending=".dir", legacy=legacy, into=into)
            extra = f"  nfiles: {len(files)}\n"
        hashed = "" if legacy else "  hash: md5\n"
        file = self.root / f"{path}.dvc"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            f"outs:\n- md5: {value}\n{extra}{hashed}  path: {json.dumps(file.name[:-4])}\n{more}", encoding="utf-8"
        )
        return value

    def write(self, path: str, data: bytes, *, mode: int = 0o644) -> None:
        """Write a file of the workspace."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.chmod(mode)

    def git(self, *words: str) -> str:
        """Ask git."""
        done = subprocess.run(
            ["git", "-c", "user.name=Ann", "-c", "user.email=ann@example.org", *words], cwd=self.root, check=True,
            capture_output=True, text=True, env={"PATH": os.environ["PATH"], "HOME": "/", "GIT_CONFIG_NOSYSTEM": "1"},
        )  # fmt: skip
        return done.stdout

    def commit(self, message: str) -> str:
        """Commit all that DVC leaves to git, and give the commit."""
        if not (self.root / ".git").exists():
            self.git("init", "-q", "-b", "main")
            (self.root / ".gitignore").write_text("/.dvc/cache\n")
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD").strip()
