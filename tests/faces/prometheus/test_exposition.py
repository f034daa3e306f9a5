from __future__ import annotations

import pytest

from loopline.faces.prometheus.exposition import wants_openmetrics


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", False),
        ("*/*", False),
        ("text/html,*/*;q=0.1", False),
        ("text/plain;version=0.0.4;q=0.5,*/*;q=0.1", False),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", True),
        ("application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", True),
        ('Application/OpenMetrics-Text; Version="1.0.0"; Q=0.6, text/plain; q=0.5', True),
        ("application/openmetrics-text;version=1.0.0;q=0.2,text/plain;version=0.0.4;q=0.5", False),
        ("application/openmetrics-text;version=1.0.0;q=0", False),
        ("application/openmetrics-text;version=9.0.0,text/plain", False),
        ("application/openmetrics-text;q=much,text/plain", False),
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            True,
        ),
    ],
)  # fmt: skip
def test_a_client_gets_the_format_that_it_prefers(accept: str, *, wanted: bool) -> None:
    """OpenMetrics only to who asks for a version that we write, and not for text more; browsers and curl get text."""
    assert wants_openmetrics(accept) is wanted
