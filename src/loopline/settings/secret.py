"""secret: a value that stands elsewhere, named by a reference: `env:NAME` or `file:PATH`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from loopline.errors import Invalid, Unavailable

HOW: Final = "write env:NAME for a variable, or file:/PATH for a file that only the server's user can read"
_PASSWORD: Final = re.compile(r"(?P<start>://[^/?#:@]*:)[^/?#@]*@")
_PARAMETER: Final = re.compile(r"(?i)(?P<start>[?&](?:password|secret|token|sslpassword)=)[^&#]*")


def is_reference(text: str) -> bool:
    """Tell whether a text says where a secret is, instead of being one."""
    return text.startswith(("env:", "file:/")) and not text.startswith("file://")


def secret(reference: str, *, name: str, environ: Mapping[str, str] | None = None) -> str:
    """Give what a reference stands for; `name` is the setting that holds it.

    Raise Invalid for a value in place of a reference, Unavailable where the variable or file is missing or empty.
    The value is in no message.
    """
    if not is_reference(reference):
        raise Invalid(f"{name} holds a value in place of a reference", kind="secret-in-place", hint=HOW, setting=name)
    way, _, where = reference.partition(":")
    if way == "env":
        value = (os.environ if environ is None else environ).get(where, "")
    else:
        try:
            value = Path(where).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise _missing(name, reference, f"cannot be read: {why}") from None
    value = value.strip("\r\n")
    if not value:
        raise _missing(name, reference, "is empty")
    return value


def masked(url: str) -> str:
    """Give an address as it may be shown: without its password."""
    return _PARAMETER.sub(r"\g<start>***", _PASSWORD.sub(r"\g<start>***@", url))


def has_password(url: str) -> bool:
    """Tell whether an address holds a password."""
    return masked(url) != url


def _missing(name: str, reference: str, why: str) -> Unavailable:
    hint = f"set {reference[4:]}" if reference.startswith("env:") else f"make {reference[5:]} readable for this user"
    return Unavailable(
        f"{name} is {reference}, which {why}", kind="secret-missing", hint=hint, setting=name, reference=reference
    )
