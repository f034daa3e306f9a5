"""What people write by hand: a model behind FastAPI. Words: the port, the model's file."""

import sys

import joblib
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

model = joblib.load(sys.argv[2])
app = FastAPI()


class Asked(BaseModel):
    """Rows to predict."""

    rows: list[list[float]]


@app.post("/predict")
async def predict(asked: Asked) -> dict[str, list[int]]:
    return {"predictions": model.predict(asked.rows).tolist()}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", access_log=False)
