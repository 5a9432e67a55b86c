"""Stage 3, Model Training: train, and log what is needed to train this model again."""

import os
import sys

# MLflow would report its use to its makers: that is yours to decide.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import mlflow
import mlflow.sklearn
from collect import HERE, INPUTS, SETTINGS, TARGET, collect, data_hash
from preprocess import preprocess, split
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

NAME = SETTINGS["name"]
REQUIREMENTS = (HERE / "requirements.txt").read_text(encoding="utf-8").split()


def connect() -> mlflow.MlflowClient:
    """Use a tracking store and registry in this folder."""
    mlflow.set_tracking_uri(f"sqlite:///{(HERE / 'mlflow.db').as_posix()}")
    if mlflow.get_experiment_by_name(NAME) is None:
        mlflow.create_experiment(NAME, artifact_location=(HERE / "mlruns").as_uri())
    mlflow.set_experiment(NAME)
    return mlflow.MlflowClient()


def train(seed: int = 0, c: float = 1.0) -> str:
    """Train a model, register it, call it the challenger, and return its version."""
    client = connect()
    rows, _ = split(preprocess(collect()), seed)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=1000))
    with mlflow.start_run():
        mlflow.log_params({"seed": seed, "c": c, "data_hash": data_hash(), "python": sys.version.split()[0]})
        mlflow.log_metric("cross_validated", cross_val_score(model, rows[INPUTS], rows[TARGET]).mean())
        model.fit(rows[INPUTS], rows[TARGET])
        logged = mlflow.sklearn.log_model(
            model,
            name="model",
            serialization_format="skops",
            registered_model_name=NAME,
            pip_requirements=REQUIREMENTS,
        )
    client.set_registered_model_alias(NAME, "challenger", logged.registered_model_version)
    return str(logged.registered_model_version)


def reasons_against(alias: str = "challenger") -> list[str]:
    """Judge a registered model on the rows put aside; an empty list means that it passes."""
    connect()
    _, test = split(preprocess(collect()))
    model = mlflow.sklearn.load_model(f"models:/{NAME}@{alias}")
    right = int((model.predict(test[INPUTS]) == test[TARGET]).sum())
    low = binomtest(right, len(test)).proportion_ci(method="wilson").low
    if low < SETTINGS["gate"]:
        return [f"{right} of {len(test)} right: accuracy may be as low as {low:.3f}, the gate is {SETTINGS['gate']}"]
    return []


def promote() -> str:
    """Let the challenger serve, if nothing speaks against it, and return its version."""
    if reasons := reasons_against():
        raise ValueError(f"Not promoted: {'; '.join(reasons)}.")
    client = connect()
    version = client.get_model_version_by_alias(NAME, "challenger").version
    client.set_registered_model_alias(NAME, "champion", version)
    return str(version)


if __name__ == "__main__":
    print(f"champion: version {promote()}" if sys.argv[1:] == ["promote"] else f"challenger: version {train()}")
