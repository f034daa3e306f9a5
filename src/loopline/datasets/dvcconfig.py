"""dvcconfig: where a DVC repository keeps its objects, by its own configuration. Nothing is read here.

Its files are read one after the other: the system's, the user's, `.dvc/config`, `.dvc/config.local`; what a later one says,
counts. They may hold secrets, so a remote tells itself to nobody.
"""

from __future__ import annotations

import configparser
import os
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from loopline.datasets.dvcyaml import bare
from loopline.errors import Invalid, NotFound

_REMOTE: Final = "remote "


@dataclass(frozen=True, slots=True)
class Remote:
    """A place where a team keeps objects of DVC."""

    name: str
    url: str
    """An address, or the absolute path of a folder."""
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    """As DVC calls them; secrets among them."""

    @property
    def scheme(self) -> str:
        """Give what stands in front of `://`; empty for a folder."""
        return self.url.partition("://")[0].lower() if "://" in self.url else ""

    @property
    def shown(self) -> str:
        """Write its address without what may be secret."""
        return bare(self.url)

    @property
    def by_path(self) -> bool:
        """Whether objects lie there under the paths of files, which DVC finds by their versions."""
        return any(
            self.options.get(name, "").lower() in ("true", "yes", "on", "1") for name in ("worktree", "version_aware")
        )


@dataclass(frozen=True, slots=True)
class Config:
    """What the files say together."""

    cache: str
    """Absolute path of the folder of objects."""
    remotes: Mapping[str, Remote] = field(repr=False)
    default: str = ""
    """Name of the remote that is meant where none is named."""

    def remote(self, name: str = "") -> Remote | None:
        """Give the remote of a name, or the default one; None where there is none. Raise NotFound kind="no-remote"."""
        name = name or self.default
        if not name:
            return None
        if name not in self.remotes:
            known = ", ".join(sorted(self.remotes)) or "none"
            raise NotFound(
                f"DVC has no remote {name!r} here: {known}", kind="no-remote", hint="dvc remote list", name=name
            )
        return self.remotes[name]


def read_config(files: Iterable[tuple[str, str]], dvc: str) -> Config:
    """Put files together: the text of each, and the folder that its paths are relative to. `dvc` is the path of `.dvc`.

    Raise Invalid kind="bad-dvc-file".
    """
    sections: dict[str, dict[str, str]] = {}
    for text, folder in files:
        for name, values in _sections(text, folder).items():
            sections.setdefault(name, {}).update(values)
    plain = {
        name.removeprefix(_REMOTE).strip("\"'"): said for name, said in sections.items() if name.startswith(_REMOTE)
    }
    remotes = {name: Remote(name, _address(name, plain), said) for name, said in plain.items() if said.get("url")}
    cache = sections.get("cache", {}).get("dir", "") or os.path.join(dvc, "cache")
    return Config(os.path.abspath(cache), remotes, sections.get("core", {}).get("remote", ""))


def _address(name: str, remotes: Mapping[str, Mapping[str, str]]) -> str:
    """Give the address of a remote, also where it is a folder in another one: `remote://NAME/folder`."""
    url, seen = remotes[name]["url"], {name}
    while url.startswith("remote://"):
        other, _, rest = url.removeprefix("remote://").partition("/")
        if other in seen or not remotes.get(other, {}).get("url"):
            raise Invalid(
                f"DVC's remote {name!r} names another one, {other!r}, which is not there", kind="bad-dvc-file",
                hint="dvc remote list", path="config", why="remote",
            )  # fmt: skip
        seen.add(other)
        url = posixpath.join(remotes[other]["url"], rest)
    return url


def _sections(text: str, folder: str) -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser(
        delimiters=("=",), comment_prefixes=("#",), inline_comment_prefixes=(" #",), interpolation=None, strict=False,
        default_section="",
    )  # fmt: skip
    try:
        parser.read_string("\n".join(line.strip() for line in text.splitlines()))
    except configparser.Error:
        raise Invalid(
            f"the configuration of DVC in {folder} cannot be read", kind="bad-dvc-file", hint="dvc config --list",
            path=os.path.join(folder, "config"), why="config",
        ) from None  # fmt: skip
    found: dict[str, dict[str, str]] = {}
    for name in parser.sections():
        values = {key: _unquoted(value) for key, value in parser[name].items()}
        section = _unquoted(name)
        for key in ("url", "dir", "credentialpath", "configpath"):
            if values.get(key) and (key != "url" or section.startswith(_REMOTE)):
                values[key] = _placed(values[key], folder)
        found.setdefault(section, {}).update(values)
    return found


def _placed(path: str, folder: str) -> str:
    """Make a path that stands in a file of `folder` absolute; an address stays."""
    path = os.path.expanduser(path) if path.startswith("~") else path
    return path if "://" in path else os.path.normpath(os.path.join(folder, path))


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
