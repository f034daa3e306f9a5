"""A model behind LitServe, one worker. Words: the port, the model's file, the largest batch (1: none are made)."""

import sys
from typing import Any

import joblib
import litserve
import numpy as np

PORT, FILE, BATCH = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])


class Model(litserve.LitAPI):
    """One row a request."""

    def setup(self, device: str) -> None:  # noqa: ARG002 - its signature
        """Load the model."""
        self.model = joblib.load(FILE)

    def decode_request(self, request: dict[str, Any]) -> Any:
        """Take a row out of a request."""
        return np.asarray(request["rows"], dtype=np.float64)

    def batch(self, inputs: list[Any]) -> Any:
        """Put rows together."""
        return np.concatenate(inputs)

    def predict(self, x: Any) -> Any:
        """Ask the model."""
        return self.model.predict(x)

    def unbatch(self, output: Any) -> Any:
        """Take answers apart."""
        return [output[index : index + 1] for index in range(len(output))]

    def encode_response(self, output: Any) -> dict[str, list[int]]:
        """Spell an answer."""
        return {"predictions": output.tolist()}


if __name__ == "__main__":
    api = Model(max_batch_size=BATCH, batch_timeout=0.005) if BATCH > 1 else Model()
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1, timeout=60)
    server.run(host="127.0.0.1", port=PORT, num_api_servers=1, generate_client_file=False, log_level="error")
