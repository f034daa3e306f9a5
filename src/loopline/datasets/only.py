"""only: a part of a tree, chosen by patterns."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import Final

from loopline.errors import Invalid

_SPECIAL: Final = re.compile(r"[*?\[\\!]")


class Only:
    """The paths that patterns choose, as in `.gitignore`: `jan/` is a folder, `*.csv` a name anywhere, `/a.csv` at the top."""

    def __init__(self, patterns: Sequence[str] = ()) -> None:
        """No pattern chooses everything. Raise Invalid kind="bad-pattern"."""
        self.patterns = tuple(patterns)
        self.prefix = _prefix(patterns[0]) if len(patterns) == 1 else ""
        """What all chosen paths begin with."""
        self._spec = None
        if patterns:
            from pathspec import GitIgnoreSpec

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a doubtful character class is the pattern's author's choice
                for pattern in patterns:
                    try:
                        GitIgnoreSpec.from_lines([pattern])
                    except (ValueError, re.error):
                        raise Invalid(
                            f"{pattern!r} is no pattern",
                            kind="bad-pattern",
                            hint="write it as in .gitignore: jan/, *.csv, /a.csv",
                            pattern=pattern,
                        ) from None
                self._spec = GitIgnoreSpec.from_lines(patterns)

    def __call__(self, path: str) -> bool:
        """Tell whether a path is chosen."""
        return self._spec is None or self._spec.match_file(path)

    def __bool__(self) -> bool:
        """Tell whether anything may be left out."""
        return self._spec is not None


EVERYTHING: Final = Only()


def _prefix(pattern: str) -> str:
    """Give what paths begin with that one pattern chooses: a pattern with a slash inside it is bound to the top."""
    if "/" not in pattern.rstrip("/"):
        return ""
    plain = pattern.lstrip("/")
    special = _SPECIAL.search(plain)
    return plain[: special.start()] if special else plain
