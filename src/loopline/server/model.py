"""model: the process that holds one model and answers batches of a front."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import warnings
from pathlib import Path
from typing import Any

from loopline.errors import LooplineError
from loopline.server.child import watch_lifeline, write_log


def main() -> int:
    """Load the model that the first word (JSON) names, and answer until the front is gone."""
    from loopline.serving.worker import answer, say_ready, say_unfit

    asked: dict[str, Any] = json.loads(sys.argv[1])
    write_log()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the front says when it is over
    watch_lifeline(lambda: os._exit(0))
    sock = socket.socket(fileno=asked["socket"])
    try:
        predictor = _predictor(asked)
    except LooplineError as error:
        say_unfit(sock, error.kind, f"{error.message}: {error.hint}" if error.hint else error.message)
        return 1
    except Exception as error:  # noqa: BLE001 (whatever a model's file does on its way in)
        say_unfit(sock, "model-unfit", f"{type(error).__name__}: {error}"[:500])
        return 1
    say_ready(sock, {"pid": os.getpid()})
    answer(sock, predictor)
    return 0


def _predictor(asked: dict[str, Any]) -> Any:
    import msgspec

    from loopline.models.loading import load
    from loopline.nouns.signature import Signature
    from loopline.server.fitting import lend
    from loopline.serving.predictor import Predictor

    lend(asked["lent"])
    model = load(Path(asked["folder"]), allow_pickle=asked["pickle"])
    warnings.simplefilter("ignore")  # about feature names, once for each batch
    signature = msgspec.convert(asked["signature"], Signature)
    return Predictor(model, signature, outputs=asked["outputs"], expected=asked["expected"])
