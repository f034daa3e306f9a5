"""Ask a service as Triton's clients do, over HTTP and gRPC. Words: the HTTP address, the gRPC address. Prints JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import tritonclient.grpc as over_grpc
import tritonclient.http as over_http
from tritonclient.utils import InferenceServerException

ROWS = np.array([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]])


def asked(module: Any, client: Any, **more: Any) -> dict[str, Any]:
    """Answers of one client in every form that it can ask for."""
    told: dict[str, Any] = {}
    for name, kind in (("FP64", np.float64), ("FP32", np.float32)):
        tensor = module.InferInput("input-0", list(ROWS.shape), name)
        tensor.set_data_from_numpy(ROWS.astype(kind), **more)
        outputs = [module.InferRequestedOutput(one, **more) for one in ("predict", "predict_proba")]
        answer = client.infer("iris", [tensor], outputs=outputs, request_id="mine")
        told[name] = [answer.as_numpy("predict").tolist(), np.round(answer.as_numpy("predict_proba"), 6).tolist()]
    bad = module.InferInput("input-0", [1, 3], "FP64")
    bad.set_data_from_numpy(np.zeros((1, 3)), **more)
    try:
        client.infer("iris", [bad])
    except InferenceServerException as error:
        told["error"] = error.message()
    return told


http = over_http.InferenceServerClient(sys.argv[1], concurrency=4)
grpc = over_grpc.InferenceServerClient(sys.argv[2])
packed = over_http.InferInput("input-0", list(ROWS.shape), "FP64")
packed.set_data_from_numpy(ROWS)
later = [one.get_result() for one in [http.async_infer("iris", [packed]) for _ in range(16)]]
told = {
    "live": [http.is_server_live(), grpc.is_server_live()],
    "ready": [http.is_server_ready(), grpc.is_server_ready()],
    "model": [
        http.is_model_ready("iris"),
        grpc.is_model_ready("iris"),
        http.is_model_ready("iris", "1"),
        http.is_model_ready("no"),
    ],
    "metadata": [http.get_model_metadata("iris"), grpc.get_model_metadata("iris", as_json=True)],
    "server": [http.get_server_metadata()["name"], grpc.get_server_metadata().name],
    "index": [http.get_model_repository_index(), grpc.get_model_repository_index(as_json=True)],
    "config": http.get_model_config("iris"),
    "raw": asked(over_http, http, binary_data=True),
    "json": asked(over_http, http, binary_data=False),
    "grpc": asked(over_grpc, grpc),
    "gzip": http.infer("iris", [packed], request_compression_algorithm="gzip").as_numpy("predict").tolist(),
    "deflate": http.infer("iris", [packed], request_compression_algorithm="deflate").as_numpy("predict").tolist(),
    "later": [one.as_numpy("predict").tolist() for one in later],
    "statistics": http.get_inference_statistics("iris")["model_stats"][0]["inference_count"],
    "stamp": http.infer("iris", [packed]).get_response()["parameters"]["loopline_change"],
}
print(json.dumps(told))
