"""A front that holds no model: it speaks the host's protocol, and answers every request with the number that it was told."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading

import msgspec

from loopline.server.child import watch_lifeline
from loopline.serving.desired import Answering, Desired


def main() -> int:
    """Serve until SIGTERM."""
    asked = json.loads(sys.argv[1])
    listening = socket.socket(fileno=asked["listening"])
    listening.settimeout(None)
    control = socket.socket(fileno=asked["control"])
    watch_lifeline(lambda: os._exit(0))
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    number: list[int] = []

    def hear() -> None:
        for line in control.makefile("rb"):
            desired = msgspec.json.decode(line, type=Desired)
            number[:] = [desired.number]
            sys.stdout.write(f"serving {desired.number} of {desired.places[0].folder}\n")
            sys.stdout.flush()
            said = Answering(
                desired.number, desired.number, ready=True, whole=True, pids=(os.getpid(),), grpc=desired.grpc
            )
            control.sendall(msgspec.json.encode(said) + b"\n")

    threading.Thread(target=hear, daemon=True).start()
    while True:
        one, _ = listening.accept()
        one.recv(65536)
        body = str(number[0] if number else "").encode()
        one.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        one.close()
