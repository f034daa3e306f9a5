"""mailbox: the address of an e-mail, as it can stand in an envelope and in a header: neither quoted nor commented."""

from __future__ import annotations

import re
from typing import Final

_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
MAILBOX: Final = re.compile(
    rf"(?=[^@]{{1,64}}@[^@]{{1,253}}\Z){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*\Z"
)  # fmt: skip
"""What RFC 5322 calls a dot-atom, at the name of a host: no dot stands first, last, or beside another."""
