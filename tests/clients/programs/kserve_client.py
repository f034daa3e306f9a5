"""Ask a service as KServe's client does. Words: the address. Prints JSON."""

from __future__ import annotations

import asyncio
import json
import sys

import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

ROWS = np.array([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]])


async def main(address: str) -> None:
    """Ask in JSON and with raw tensors."""
    told = {}
    client = InferenceRESTClient(RESTConfig(protocol="v2", retries=0))
    told["live"] = await client.is_server_live(address)
    told["ready"] = await client.is_server_ready(address)
    told["model"] = await client.is_model_ready(address, "iris")
    for form in ("json", "raw"):
        tensor = InferInput(name="input-0", shape=list(ROWS.shape), datatype="FP64")
        tensor.set_data_from_numpy(ROWS, binary_data=form == "raw")
        request = InferRequest(model_name="iris", infer_inputs=[tensor], request_id="mine")
        answer = await client.infer(address, request, model_name="iris")
        told[form] = [answer.id, {one.name: one.as_numpy().tolist() for one in answer.outputs}]
    print(json.dumps(told))


asyncio.run(main(sys.argv[1]))
