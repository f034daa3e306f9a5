"""ignore: which files of a folder are nobody's data."""

from __future__ import annotations

import os
import re
import warnings
from typing import TYPE_CHECKING, Final

from xxhash import xxh3_64_digest

from loopline.errors import Invalid, Unavailable
from loopline.store.files import read_file

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

RULES: Final = ".looplineignore"
"""Patterns as in `.gitignore`, one a line, relative to the folder that holds the file."""
OURS: Final = ".loopline~"
"""Where a checkout writes files before it renames them, and how files begin that ask a file system for its time."""
NEVER: Final = frozenset({".git", ".loopline", OURS})
"""Folders that are no data, at any depth: git's, and ours."""


class Ignore:
    """The rules of one folder. Without a `.looplineignore`, only NEVER is left out."""

    def __init__(self, spec: GitIgnoreSpec | None = None, name: bytes = b"") -> None:
        self._spec = spec
        self.name = name
        """Tells these rules from others."""

    def __call__(self, path: str, *, folder: bool) -> bool:
        """Tell whether to leave out `path`. What is below an ignored folder cannot be brought back, as in git."""
        last = path.rpartition("/")[2]
        if last in NEVER or last.startswith(OURS):
            return True
        return self._spec is not None and self._spec.match_file(path + "/" * folder)


def read_rules(root: str) -> Ignore:
    """Read the rules of the folder `root`. Raise Invalid kind="bad-ignore", naming file and line."""
    file = os.path.join(root, RULES)
    try:
        lines = read_file(file).decode("utf-8-sig").splitlines()
    except FileNotFoundError:
        return Ignore()
    except UnicodeDecodeError:
        raise Invalid(f"{file} is not UTF-8", kind="bad-ignore", hint=f"save {RULES} as UTF-8", file=file) from None
    except OSError as error:
        raise Unavailable(
            f"cannot read {file}: {error.strerror}", kind="file-unreadable", hint="check its permissions", path=RULES
        ) from None
    from pathspec import GitIgnoreSpec

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a doubtful character class is the pattern's author's choice
        for number, line in enumerate(lines, 1):
            try:
                GitIgnoreSpec.from_lines([line])
            except (ValueError, re.error):
                raise Invalid(
                    f"{file}, line {number}: {line!r} is no pattern",
                    kind="bad-ignore",
                    hint="write it as in .gitignore, or remove the line",
                    file=file,
                    line=number,
                ) from None
        return Ignore(GitIgnoreSpec.from_lines(lines), xxh3_64_digest("\n".join(lines).encode()))
