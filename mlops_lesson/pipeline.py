"""The finished pipeline: the functions that the notebooks arrive at, stage by stage.

`collect`, `preprocess`, `train`, `validate` and `deploy` each do the work of one stage; `run` does all six.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mlops_lesson import artifacts
from mlops_lesson.collection import depot
from mlops_lesson.collection.dataset import CleanDataset, collect
from mlops_lesson.deployment import registry
from mlops_lesson.deployment.registry import RegisteredModel, deploy
from mlops_lesson.preprocessing.cleaning import preprocess
from mlops_lesson.training.network import train
from mlops_lesson.validation.gate import ValidatedModel, validate

if TYPE_CHECKING:
    from mlops_lesson.monitoring.loop import Loop

__all__ = ["champion", "collect", "deploy", "preprocess", "run", "train", "validate"]


def champion() -> RegisteredModel:
    """Get the version that answers; where there is none yet, the validated model is deployed first."""
    try:
        return registry.load(registry.CHAMPION)
    except registry.UnknownVersionError:
        validated = artifacts.load("validated model", quiet=True)
        return deploy(validated.trained, validated.gate, reason="the first champion")


def run(
    weeks: Iterable[int] = range(1, depot.LIVE_WEEKS + 1),
    *,
    clean: CleanDataset | None = None,
    validated: ValidatedModel | None = None,
) -> "Loop":
    """All six stages without a hand: from the raw files to a service that watches and repairs itself.

    Parameters
    ----------
    weeks : iterable of int
        The live weeks to go through, in order; the service runs for them, and is stopped at the end.
    clean : CleanDataset, optional
        To go on from there; collected and preprocessed if not given.
    validated : ValidatedModel, optional
        To deploy it; trained and validated if not given.

    Returns
    -------
    mlops_lesson.monitoring.loop.Loop
        What was seen and done, week by week.

    Raises
    ------
    ValueError
        If the gate refuses the first model.
    """
    from mlops_lesson.deployment.serving import serve
    from mlops_lesson.monitoring.loop import Loop

    clean = clean or preprocess(collect())
    if validated is None:
        trained = train(clean)
        validated = ValidatedModel(trained, validate(trained, clean))
    deploy(validated.trained, validated.gate, reason="first champion of a run of the pipeline")
    with serve() as service:
        loop = Loop(service, clean)
        for week in weeks:
            loop.step(depot.read_live_week(week))
    return loop
