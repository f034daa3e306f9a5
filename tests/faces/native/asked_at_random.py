"""What schemathesis must know besides the document: how the pieces of an upload are sent."""

from __future__ import annotations

import schemathesis
from hypothesis import strategies as st

schemathesis.openapi.media_type("application/offset+octet-stream", st.binary(max_size=100))
