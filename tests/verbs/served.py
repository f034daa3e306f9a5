"""A deployment with predictions, in a loop of a test's own."""

from __future__ import annotations

from pathlib import Path

from loopline.loop import Loop
from loopline.nouns.artifact import SERVICE
from loopline.nouns.digest import Digest
from loopline.nouns.name import Numbered, RefName, parse_ref
from loopline.nouns.service import Arm, Labels, Service
from loopline.nouns.signature import Column, Signature
from loopline.serving.specification import dump_service
from loopline.signals.folder import folder_of
from loopline.testing.loop import loop as empty_loop
from loopline.verbs.propose import propose
from loopline.verbs.put import put

SIGNATURE = Signature(
    (Column("carrier", "BYTES"), Column("distance", "INT64")),
    (Column("predict", "INT64", values=("0", "1")), Column("predict_proba", "FP64", (-1, 2))),
)


def served(
    tmp_path: Path, labels: Labels | None = None, signature: Signature = SIGNATURE
) -> tuple[Loop, RefName, Path]:
    """Give a loop where service/delay@prod is deployed, and the folder of its records."""
    loop = empty_loop(signals=tmp_path / "signals")
    ref = serve(loop, labels, signature)
    return loop, ref, folder_of(tmp_path / "signals", "flights", "delay", "prod")


def serve(loop: Loop, labels: Labels | None = None, signature: Signature = SIGNATURE) -> RefName:
    """Deploy service/delay@prod in a loop."""
    ref = parse_ref("service/delay@prod", project="flights")
    arm = Arm("champion", "model/delay@7", Digest("sha256:" + "0" * 64), signature=signature)
    told = Service("service/delay", (arm,), labels=labels or Labels(join=("carrier", "distance"), slices=("carrier",)))
    digest = loop.blobs.put(dump_service(told))
    put(loop, ref.asset, digest=digest, media_type=SERVICE)
    propose(loop, ref, to=Numbered(1), why="first")
    return ref
