"""process: a further process that answers requests on the socket of another."""

from __future__ import annotations

import json
import socket
import sys
from dataclasses import replace

from loopline.server.child import opened, settings_of, watch_lifeline, write_log


def main() -> int:
    """Serve as the first word (JSON) says, until SIGTERM, or until the process that started this one is gone."""
    from loopline.faces.prometheus.tally import Tally
    from loopline.server.serve import serve

    asked = json.loads(sys.argv[1])
    write_log()
    watch_lifeline()
    settings = settings_of(asked)
    with socket.socket(fileno=asked["listening"]) as listening, opened(settings) as loop:
        server = replace(settings.server, host=asked["host"], port=asked["port"])
        tally = Tally(asked["tally"], asked["number"] - 1)
        serve(loop, listening, settings=server, tally=tally, access_log=asked["access_log"])
    return 0
