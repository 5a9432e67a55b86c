"""The finished pipeline: the functions that the notebooks arrive at, stage by stage.

`collect`, `preprocess`, `train`, `validate`, `deploy` and `monitor` each do the work of one stage; `run` does all six.
"""

import hashlib
import json
import platform
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlops_lesson import depot
from mlops_lesson.contract import require_clean
from mlops_lesson.datasets import CleanDataset, RawDataset
from mlops_lesson.depot import CHUTES, IMAGE_SHAPE
from mlops_lesson.paths import data_dir
from mlops_lesson.trace import TrainingTrace, train_with_trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sklearn.pipeline import Pipeline

    from mlops_lesson.evaluation import GateResult
    from mlops_lesson.loop import LoopRun, Policy, WeekLog
    from mlops_lesson.registry import RegisteredModel
    from mlops_lesson.serving import Server

N_VALIDATION = 300
N_TEST = 200
DUPLICATE_WINDOW = pd.Timedelta(minutes=1)


def last_click(clicks: pd.DataFrame) -> pd.DataFrame:
    """Bring the clicks to one row a parcel; the last click says the chute.

    Parameters
    ----------
    clicks : pandas.DataFrame
        `parcel_id`, `clicked_at`, `chute`.

    Returns
    -------
    pandas.DataFrame
        Indexed by `parcel_id`: `n_clicks`, `first_clicked_at`, `chute`.
    """
    in_order = clicks.sort_values("clicked_at", kind="stable").groupby("parcel_id")
    return in_order.agg(n_clicks=("chute", "size"), first_clicked_at=("clicked_at", "first"), chute=("chute", "last"))


def collect(folder: Path | None = None) -> RawDataset:
    """Stage 1: gather parcels, images, sensor readings and clicks into one dataset that drops nothing.

    Parameters
    ----------
    folder : pathlib.Path, optional
        The folder with `raw/`; the course's `data/` if not given.

    Returns
    -------
    RawDataset
        One row a scanned parcel, whether or not it has an image, a click or a sensor reading.
    """
    folder = folder or data_dir()
    parcels, images = depot.read_parcels(folder), depot.read_images(folder)
    sensors, clicks = depot.read_sensors(folder), depot.read_clicks(folder / "raw" / "clicks.csv")

    table = parcels.assign(has_image=parcels["id"].isin(list(images)), hour=parcels["seen_at"].dt.floor("h"))
    table = table.merge(last_click(clicks), how="left", left_on="id", right_index=True)
    table["n_clicks"] = table["n_clicks"].fillna(0).astype(int)
    table = table.merge(sensors, how="left", on=["camera_id", "hour"]).drop(columns="hour")

    photographed = table.loc[table["has_image"], "camera_id"].value_counts()
    archives = sorted((folder / "raw" / "images").glob("camera_*.zip"))
    sources = [
        ("raw/depot.db", len(parcels)),
        *((f"raw/images/{path.name}", int(photographed[int(path.stem[-1])])) for path in archives),
        ("raw/sensors.jsonl", len(sensors)),
        ("raw/clicks.csv", len(clicks)),
    ]
    lineage = pd.DataFrame(
        [(name, rows, depot.checksum(folder / name)) for name, rows in sources], columns=["source", "rows", "sha256"]
    )
    return RawDataset(table, images, lineage)


def repair_units(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Bring sensor readings to lux and degrees Celsius where the unit is written down; refuse them where it is not.

    Parameters
    ----------
    table : pandas.DataFrame
        With `lux`, `lux_unit`, `temperature`, `temperature_unit`.

    Returns
    -------
    pandas.DataFrame
        The same rows with `lux` in lux and `temperature` in degrees Celsius, NaN where refused, and without units.
    dict of str to int
        How many readings were repaired (key "lux given in klx") and refused ("temperature without unit").
    """
    repaired = table.copy()
    in_kilolux = repaired["lux_unit"] == "klx"
    repaired.loc[in_kilolux, "lux"] *= 1000
    no_unit = repaired["temperature"].notna() & (repaired["temperature_unit"] != "C")
    repaired.loc[no_unit, "temperature"] = np.nan
    counts = {"lux given in klx": int(in_kilolux.sum()), "temperature without unit": int(no_unit.sum())}
    return repaired.drop(columns=["lux_unit", "temperature_unit"]), counts


def is_blank(image: np.ndarray) -> bool:
    """Say whether a camera saw nothing: all pixels have the same grey level."""
    return bool(np.ptp(image) == 0)


def find_repeated_scans(table: pd.DataFrame, images: dict[int, np.ndarray]) -> list[int]:
    """List parcels that were scanned before: the same picture on the same camera within a minute.

    Parameters
    ----------
    table : pandas.DataFrame
        With `id`, `camera_id` and `seen_at`; every id has an image.
    images : dict of int to numpy.ndarray
        Grey levels by parcel id.

    Returns
    -------
    list of int
        The ids of the later scans.
    """
    last_seen: dict[tuple, pd.Timestamp] = {}
    repeated = []
    for parcel_id, camera_id, seen_at in table.sort_values("seen_at")[["id", "camera_id", "seen_at"]].itertuples(
        index=False
    ):
        key = (camera_id, images[parcel_id].tobytes())
        if key in last_seen and seen_at - last_seen[key] <= DUPLICATE_WINDOW:
            repeated.append(parcel_id)
        last_seen[key] = seen_at
    return repeated


def split_by_time(n_parcels: int, n_validation: int = N_VALIDATION, n_test: int = N_TEST) -> np.ndarray:
    """Name the part of each parcel: the newest are the test part, those before them validation, the rest training.

    Parameters
    ----------
    n_parcels : int
        Parcels in all, in the order of time.
    n_validation, n_test : int
        Parcels in those parts.

    Returns
    -------
    numpy.ndarray of str, shape (n_parcels,)
        "train", "validation" or "test".

    Raises
    ------
    ValueError
        If nothing is left to train on.
    """
    n_train = n_parcels - n_validation - n_test
    if n_train < 1:
        raise ValueError(
            f"{n_parcels} parcels are too few for {n_validation} validation and {n_test} test images: nothing is left "
            "to train on. Ask for smaller parts."
        )
    return np.repeat(["train", "validation", "test"], [n_train, n_validation, n_test])


def preprocess(raw: RawDataset) -> CleanDataset:
    """Stage 2: remove what cannot be learned from, repair what can be, count every rule, and split by time.

    Parameters
    ----------
    raw : RawDataset
        What `collect` returns.

    Returns
    -------
    CleanDataset
        Whole, labelled images without repeats, by time, in three parts.

    Raises
    ------
    ValueError
        If there are too few rows to split, or the result breaks the contract of a cleaned dataset; see
        `mlops_lesson.contract.require_clean`.
    """
    if raw.table.empty:
        raise ValueError("The raw dataset has no rows, so there is nothing to clean. Collect the data once more.")
    table, unit_counts = repair_units(raw.table)
    rows: list[tuple[str, str, int]] = []

    def keep(rule: str, healthy: pd.Series) -> None:
        nonlocal table
        # Where no row is left there is no truth value to go by, and pandas would take the selection for columns.
        healthy = healthy.astype(bool)
        rows.append((rule, "removed", int((~healthy).sum())))
        table = table[healthy]

    keep("image missing", table["has_image"])
    keep("image of the wrong size", table["id"].map(lambda i: raw.images[i].shape == IMAGE_SHAPE))
    keep("image blank", table["id"].map(lambda i: not is_blank(raw.images[i])))
    keep("scanned twice", ~table["id"].isin(find_repeated_scans(table, raw.images)))
    keep("no click, so no label", table["chute"].notna())

    chute = table["chute"].str.strip().str.upper()
    rows.append(("chute in lower case", "repaired", int((chute != table["chute"]).sum())))
    table = table.assign(chute=chute)
    keep("chute unknown", table["chute"].isin(CHUTES))
    rows.append(("lux given in klx", "repaired", unit_counts["lux given in klx"]))
    rows.append(("temperature without unit", "refused", unit_counts["temperature without unit"]))

    table = table.sort_values("seen_at", ignore_index=True)
    table = table[["id", "camera_id", "seen_at", "keyed_digit", "chute"]].assign(split=split_by_time(len(table)))
    X = np.stack([raw.images[i].ravel() for i in table["id"]])
    return require_clean(CleanDataset(table, X, pd.DataFrame(rows, columns=["rule", "action", "rows"])))


@dataclass(frozen=True)
class TrainingSettings:
    """What is decided before training: the network's hyperparameters.

    Parameters
    ----------
    hidden_units : int
        Units in the one hidden layer.
    learning_rate : float
        Size of a step of stochastic gradient descent, above 0.
    batch_size : int
        Images a step looks at.
    momentum : float
        Share of the last step that is carried on, 0 to below 1.
    epochs : int
        Passes over the training images.
    seed : int or None
        Start of the random numbers: the first weights and the order of the images. None: another one each time.
    """

    hidden_units: int = 32
    learning_rate: float = 0.271
    batch_size: int = 32
    momentum: float = 0.696
    epochs: int = 30
    seed: int | None = 28

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class TrainedModel:
    """What Model Training hands on.

    Parameters
    ----------
    model : sklearn.pipeline.Pipeline
        Scaler and network; takes grey levels 0 to 16, shape (n, 64), and predicts 0 (chute A) or 1 (chute B).
    trace : TrainingTrace
        Loss and accuracy on the validation images, epoch by epoch.
    settings : TrainingSettings
        How it was trained.
    data_version : str
        SHA-256 of the dataset it learned from.
    """

    model: "Pipeline"
    trace: TrainingTrace
    settings: TrainingSettings
    data_version: str

    @property
    def version(self) -> str:
        """SHA-256 over what went in (data, settings) and what came out (trace, learned parameters)."""
        digest = hashlib.sha256(json.dumps([self.data_version, self.settings.to_dict()], sort_keys=True).encode())
        digest.update(self.trace.to_frame().to_csv(index=False, lineterminator="\n").encode())
        scaler, network = self.model[0], self.model[-1]
        for parameters in (scaler.data_min_, scaler.data_max_, *network.coefs_, *network.intercepts_):
            digest.update(np.ascontiguousarray(parameters, dtype="<f8").tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class ValidatedModel:
    """What Model Validation hands on: a trained model that has passed the gate, with the verdict.

    Parameters
    ----------
    trained : TrainedModel
        The model.
    gate : mlops_lesson.evaluation.GateResult
        The gate's verdict on it.

    Raises
    ------
    ValueError
        If the gate has refused the model.
    """

    trained: TrainedModel
    gate: "GateResult"

    def __post_init__(self) -> None:
        if not self.gate.passed:
            raise ValueError(
                f"The gate has refused this model, so it is not handed on: {'; '.join(self.gate.failures)}. "
                "Improve the model, then validate it again."
            )

    @property
    def model(self) -> "Pipeline":
        """Scaler and network; see `TrainedModel`."""
        return self.trained.model

    @property
    def settings(self) -> TrainingSettings:
        """How the model was trained."""
        return self.trained.settings

    @property
    def data_version(self) -> str:
        """SHA-256 of the dataset the model learned from, and was judged on."""
        return self.trained.data_version

    @property
    def version(self) -> str:
        """SHA-256 over the model and its verdict."""
        return hashlib.sha256((self.trained.version + json.dumps(self.gate.to_dict())).encode()).hexdigest()


def make_network(settings: TrainingSettings) -> Any:
    """Return an untrained `sklearn.neural_network.MLPClassifier` with the given settings."""
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier(
        (settings.hidden_units,),
        solver="sgd",
        learning_rate_init=settings.learning_rate,
        batch_size=settings.batch_size,
        momentum=settings.momentum,
        random_state=settings.seed,
    )


def fit_on(
    X_train: np.ndarray,
    y_train: np.ndarray,
    X_val: np.ndarray,
    y_val: np.ndarray,
    settings: TrainingSettings,
    name: str = "Training run",
) -> "tuple[Pipeline, TrainingTrace]":
    """Fit scaler and network on training images, and record the trace on validation images.

    Parameters
    ----------
    X_train, y_train, X_val, y_val : numpy.ndarray
        Grey levels 0 to 16, shape (n, 64), and labels, shape (n,).
    settings : TrainingSettings
        How to train.
    name : str
        What the trace is called in charts.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Scaler, fitted on the training images only, and network.
    TrainingTrace
        One entry an epoch.

    Raises
    ------
    ValueError
        If there are no images, images and labels differ in number, the training labels are all the same or lack one
        of the validation labels, or a setting is out of range.
    """
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import MinMaxScaler

    scaler, network = MinMaxScaler(clip=True), make_network(settings)
    scaled = scaler.fit_transform(X_train)
    trace = train_with_trace(network, scaled, y_train, scaler.transform(X_val), y_val, settings.epochs, name)
    return Pipeline([("scaler", scaler), ("network", network)]), trace


def train(clean: CleanDataset, settings: TrainingSettings | None = None, name: str = "Training run") -> TrainedModel:
    """Stage 3: fit scaler and network on the training images, and record the trace on the validation images.

    Parameters
    ----------
    clean : CleanDataset
        What `preprocess` returns.
    settings : TrainingSettings, optional
        How to train; the course's settings if not given.
    name : str
        What the trace is called in charts.

    Returns
    -------
    TrainedModel
        The model with its trace, settings and data version.

    Raises
    ------
    ValueError
        If the training or the validation part is empty, or a setting is out of range.
    """
    settings = settings or TrainingSettings()
    model, trace = fit_on(*clean.part("train"), *clean.part("validation"), settings, name)
    return TrainedModel(model, trace, settings, clean.version)


def record_run(trained: TrainedModel, name: str) -> str:
    """Keep the record of a training run, so that anybody can find it and repeat it.

    Parameters
    ----------
    trained : TrainedModel
        What `train` returned.
    name : str
        What to call the run.

    Returns
    -------
    str
        The run's id; `mlops_lesson.registry.runs` finds the run again by its name.
    """
    import sklearn

    from mlops_lesson import registry

    settings = trained.settings.to_dict()
    recipe = {key: value for key, value in settings.items() if key not in ("seed", "epochs")}
    made_with = {"python": platform.python_version(), "scikit_learn": sklearn.__version__}
    epochs = trained.trace.to_frame()
    return registry.log_run(
        name, params=recipe | made_with, epochs=epochs, seed=trained.settings.seed, data_version=trained.data_version
    )


def train_baseline(clean: CleanDataset) -> Any:
    """Fit the model to beat, a logistic regression on the training images.

    Parameters
    ----------
    clean : CleanDataset
        What `preprocess` returns.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Takes grey levels 0 to 16, shape (n, 64).
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler

    return make_pipeline(MinMaxScaler(clip=True), LogisticRegression(max_iter=1000)).fit(*clean.part("train"))


def validate(trained: TrainedModel, clean: CleanDataset) -> "GateResult":
    """Stage 4: judge a model on the test images by the gate's three rules.

    Parameters
    ----------
    trained : TrainedModel
        What `train` returns.
    clean : CleanDataset
        What `preprocess` returns.

    Returns
    -------
    GateResult
        The verdict; see `mlops_lesson.evaluation.check_gate`.
    """
    from mlops_lesson.evaluation import check_gate

    X_test, y_test = clean.part("test")
    cameras = clean.table.loc[clean.table["split"] == "test", "camera_id"]
    return check_gate(trained.model, X_test, y_test, cameras, train_baseline(clean))


def register_judged(trained: TrainedModel, verdict: "GateResult", *, run_id: str | None = None) -> int:
    """Enter a model into the registry together with what the gate said of it.

    Parameters
    ----------
    trained : TrainedModel
        What `train` returns.
    verdict : GateResult
        What `validate` returns for it; a refusal is recorded too.
    run_id : str, optional
        The training run, as `record_run` returns it.

    Returns
    -------
    int
        The new version's number.

    Raises
    ------
    mlops_lesson.registry.RegistryError
        If the model cannot be kept; the text says why.
    """
    from mlops_lesson import registry

    version = registry.register(
        trained.model, data_version=trained.data_version, run_id=run_id, tags=trained.settings.to_dict()
    )
    numbers = {key: getattr(verdict, key) for key in ("passed", "accuracy", "low", "high", "n", "threshold")}
    registry.record_gate(version, **numbers, data_version=trained.data_version, reasons=verdict.failures)
    return version


def deploy(
    trained: TrainedModel, verdict: "GateResult", *, run_id: str | None = None, reason: str = ""
) -> "RegisteredModel":
    """Stage 5: register a model with its verdict, and let it answer if the gate was passed.

    A running service follows when it is told to (`mlops_lesson.serving.Server.reload`).

    Parameters
    ----------
    trained : TrainedModel
        What `train` returns.
    verdict : GateResult
        What `validate` returns for it.
    run_id : str, optional
        The training run, as `record_run` returns it.
    reason : str
        A few words for the registry's history.

    Returns
    -------
    mlops_lesson.registry.RegisteredModel
        The new champion, as the service will read it.

    Raises
    ------
    mlops_lesson.registry.GateError
        If the gate was not passed. The model stays registered, with its refusal; the champion stays champion.
    mlops_lesson.registry.RegistryError
        If the model cannot be kept.
    """
    from mlops_lesson import registry

    version = register_judged(trained, verdict, run_id=run_id)
    registry.promote(version, reason=reason)
    return registry.load(version)


def monitor(model: Any, clean: CleanDataset, logs: "Sequence[WeekLog]") -> pd.DataFrame:
    """Stage 6: compare the weeks since deployment with the images on which the gate judged the model.

    Parameters
    ----------
    model : object
        The champion.
    clean : CleanDataset
        The history; its test images are the reference.
    logs : sequence of mlops_lesson.loop.WeekLog
        The live weeks, as `mlops_lesson.loop.send_week` returns them.

    Returns
    -------
    pandas.DataFrame
        One row a week and monitor; see `mlops_lesson.monitors.watch`.
    """
    from mlops_lesson.loop import reference_of
    from mlops_lesson.monitors import watch

    return watch(reference_of(model, clean), [log.observed() for log in logs])


def run(
    weeks: "Iterable[int]" = range(1, depot.LIVE_WEEKS + 1),
    *,
    control: bool = False,
    policy: "Policy | None" = None,
    clean: CleanDataset | None = None,
    validated: ValidatedModel | None = None,
    server: "Server | None" = None,
) -> "LoopRun":
    """All six stages without a hand: from the raw files to a service that watches and repairs itself.

    Parameters
    ----------
    weeks : iterable of int
        The live weeks to go through, in order.
    control : bool
        True for the control stream, in which nothing happens.
    policy : mlops_lesson.loop.Policy, optional
        What the loop may do; the course's policy if not given.
    clean : CleanDataset, optional
        To go on from there; collected and preprocessed if not given.
    validated : ValidatedModel, optional
        To deploy it; trained and validated if not given.
    server : mlops_lesson.serving.Server, optional
        A running service to use, which goes on running; one of its own is started and stopped if not given.

    Returns
    -------
    mlops_lesson.loop.LoopRun
        What was seen and done, week by week.

    Raises
    ------
    ValueError
        If the gate refuses the first model.
    """
    from mlops_lesson import rollout
    from mlops_lesson.loop import Loop
    from mlops_lesson.serving import serve

    clean = clean or preprocess(collect())
    if validated is None:
        trained = train(clean)
        validated = ValidatedModel(trained, validate(trained, clean))
    deploy(validated.trained, validated.gate, reason="first champion of a run of the pipeline")
    if server is not None:
        rollout.stop(server)
        server.reload()
    with serve() if server is None else nullcontext(server) as service:
        loop = Loop(service, clean, policy)
        for week in weeks:
            loop.step(depot.read_live_week(week, control=control))
        return loop.result()
