"""The network of the course: settings, training on scaled images, and what training hands on."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mlops_lesson.collection.dataset import CleanDataset
from mlops_lesson.preprocessing.cleaning import fit_logistic_regression
from mlops_lesson.training.trace import TrainingTrace, train_with_trace

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True)
class TrainingSettings:
    """What is decided before training: the network's hyperparameters, by default those of the course.

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
    data_hash : str
        The fingerprint of the dataset it learned from.
    """

    model: "Pipeline"
    trace: TrainingTrace
    settings: TrainingSettings
    data_hash: str

    @property
    def model_hash(self) -> str:
        """SHA-256 over what went in (data, settings) and what came out (trace, learned parameters)."""
        digest = hashlib.sha256(json.dumps([self.data_hash, asdict(self.settings), asdict(self.trace)]).encode())
        scaler, network = self.model[0], self.model[-1]
        for parameters in (scaler.data_min_, scaler.data_max_, *network.coefs_, *network.intercepts_):
            digest.update(np.ascontiguousarray(parameters, dtype="<f8").tobytes())
        return digest.hexdigest()


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
    X_train: np.ndarray, y_train: np.ndarray, X_val: np.ndarray, y_val: np.ndarray, settings: TrainingSettings
) -> "tuple[Pipeline, TrainingTrace]":
    """Fit scaler and network on training images, and record the trace on validation images.

    Parameters
    ----------
    X_train, y_train, X_val, y_val : numpy.ndarray
        Grey levels 0 to 16, shape (n, 64), and labels, shape (n,).
    settings : TrainingSettings
        How to train.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Scaler, fitted on the training images only, and network.
    TrainingTrace
        One entry per epoch.
    """
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import MinMaxScaler

    scaler, network = MinMaxScaler(clip=True), make_network(settings)
    scaled = scaler.fit_transform(X_train)
    trace = train_with_trace(network, scaled, y_train, scaler.transform(X_val), y_val, settings.epochs)
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
        The model with its trace, settings and data hash.
    """
    settings = settings or TrainingSettings()
    model, trace = fit_on(*clean.part("train"), *clean.part("validation"), settings)
    return TrainedModel(model, replace(trace, name=name), settings, clean.data_hash)


def train_baseline(clean: CleanDataset) -> Any:
    """Fit the model to beat, a logistic regression on the training images that takes grey levels 0 to 16."""
    return fit_logistic_regression(*clean.part("train"))
