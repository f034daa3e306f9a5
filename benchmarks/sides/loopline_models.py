"""Keep the models of inference_models.py as ours are kept, and write what a host would tell a front. Word: the folder."""

from __future__ import annotations

import sys
from pathlib import Path

import joblib
import msgspec
import numpy as np

from loopline.models.codec import ModelCodec
from loopline.models.flavors import about
from loopline.models.signature import describe
from loopline.nouns.service import Arm, Service
from loopline.serving.desired import Desired, Place


def main() -> None:
    folder = Path(sys.argv[1])
    for name in ("linear", "forest"):
        model = joblib.load(folder / f"{name}.joblib")
        place = folder / name
        place.mkdir()
        ModelCodec().dump(model, place)
        rows = np.random.default_rng(1).uniform(0, 8, (2000, model.n_features_in_))
        signature = describe(model, rows, model.predict(rows))
        arm = Arm("main", "model/bench@1", about(place).digest, run="0" * 32, signature=signature)
        for signals in ("", str(folder / f"{name}-signals")):
            service = Service("service/bench", (arm,), outputs=("predict",))
            desired = Desired("bench", "service/bench@prod", 1, "0" * 32, service, (Place(str(place)),), signals)
            file = folder / f"{name}{'-recorded' if signals else ''}.json"
            file.write_bytes(msgspec.json.encode(desired) + b"\n")
    print("{}")


if __name__ == "__main__":
    main()
