"""process: a further process that answers requests on the socket of another."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from dataclasses import replace

from loopline.server.children import watch_lifeline, write_log


def main() -> int:
    """Serve as the first word (JSON) says, until SIGTERM, or until the process that started this one is gone."""
    from loopline.faces.prometheus.tally import Tally
    from loopline.server.serve import serve
    from loopline.settings import load_settings
    from loopline.wiring import open_loop

    asked = json.loads(sys.argv[1])
    write_log()
    watch_lifeline(lambda: os.kill(os.getpid(), signal.SIGTERM))
    listening = socket.socket(fileno=asked["listening"])
    settings = load_settings(home=asked["home"], project=asked["project"], actor=asked["actor"])
    loop = open_loop(settings)
    try:
        server = replace(settings.server, host=asked["host"], port=asked["port"])
        serve(
            loop,
            listening,
            settings=server,
            tally=Tally(asked["tally"], asked["number"] - 1),
            access_log=asked["access_log"],
        )
    finally:
        loop.ledger.close()
        listening.close()
    return 0
