"""Become the front of a service, told what to serve as its host would tell it. Words: the port, the file with what is desired."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path


def main() -> None:
    listening = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1024)
    told, control = socket.socketpair()
    told.sendall(Path(sys.argv[2]).read_bytes())
    for one in (listening, told, control):
        one.set_inheritable(True)
    words = {"ref": "service/bench@prod", "listening": listening.fileno(), "control": control.fileno(), "hosts": []}
    start = "import sys; from loopline.server.front import main; sys.exit(main())"
    os.execv(sys.executable, [sys.executable, "-P", "-c", start, json.dumps(words)])


if __name__ == "__main__":
    main()
