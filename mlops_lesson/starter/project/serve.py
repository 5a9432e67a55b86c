"""Stage 5, Deployment: `uvicorn serve:app`. It knows the model by its alias only."""

import csv

import mlflow.sklearn
import pandas as pd
from collect import HERE, INPUTS, SETTINGS
from fastapi import FastAPI
from pydantic import Field, create_model
from train import NAME, connect

REQUESTS = HERE / "requests.csv"
Request = create_model(
    "Request", **{name: (float, Field(ge=low, le=high)) for name, (low, high) in SETTINGS["columns"].items()}
)
version = connect().get_model_version_by_alias(NAME, "champion").version
model = mlflow.sklearn.load_model(f"models:/{NAME}@champion")
app = FastAPI(title=NAME)


@app.get("/health")
def health() -> dict[str, str]:
    """Say which version answers."""
    return {"status": "ok", "version": str(version)}


@app.post("/predict")
def predict(request: Request) -> dict[str, str]:
    """Answer one request, and log it for the monitor."""
    row = request.model_dump()
    answer = str(model.predict(pd.DataFrame([row])[INPUTS])[0])
    new = not REQUESTS.exists()
    with REQUESTS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerows([INPUTS] * new + [[row[name] for name in INPUTS]])
    return {"answer": answer, "version": str(version)}
