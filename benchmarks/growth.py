"""How time grows with the work: training, monitoring and service at 1, 10 and 100 times the size, and the exponent."""

import gc
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from measures import course_home, seconds
from rows import Row, median

from mlops_lesson.training.network import TrainingSettings, fit_on

FACTORS = (1, 10, 100)
WITHOUT_COLLECTOR = "the same without Python's garbage collector"


def exponent(factors: Sequence[float], taken: Sequence[float]) -> float:
    """Fit the power with which time grows: 1 is in proportion, 2 four times the time for twice the work.

    Parameters
    ----------
    factors, taken : sequence of float
        Sizes and seconds, two or more, all above 0.

    Returns
    -------
    float
        The slope of the straight line through both logarithms.
    """
    return float(np.polyfit(np.log(factors), np.log(taken), 1)[0])


def _rows(name: str, unit_of_work: str, amounts: Sequence[int], times: int, work: Callable[[int], Any]) -> list[Row]:
    work(amounts[0])
    taken = [median(times, lambda amount=amount: seconds(lambda: work(amount))) for amount in amounts]
    rows = [
        Row(f"{name}, {amount:,} {unit_of_work}", each, "s", times) for amount, each in zip(amounts, taken, strict=True)
    ]
    return [
        *rows,
        Row(f"{name}: exponent", exponent(amounts, taken), "", times),
        Row(f"{name}: exponent of the last step", exponent(amounts[-2:], taken[-2:]), "", times),
    ]


def training(times: int = 5, factors: Sequence[int] = FACTORS) -> list[Row]:
    """Train for three epochs on more and more images."""
    from dataclasses import replace

    from mlops_lesson import pipeline

    clean = pipeline.preprocess(pipeline.collect())
    (X, y), validation = clean.part("train"), clean.part("validation")
    settings = replace(TrainingSettings(), epochs=3)

    def work(n: int) -> None:
        rows = np.arange(n) % len(X)
        fit_on(X[rows], y[rows], *validation, settings)

    return _rows("three epochs", "images", [len(X) * factor for factor in factors], times, work)


def monitoring(times: int = 5, factors: Sequence[int] = FACTORS) -> list[Row]:
    """Let all monitors look at a week of more and more parcels."""
    from mlops_lesson import pipeline
    from mlops_lesson.monitoring.monitors import Observed, watch
    from mlops_lesson.monitoring.rehearsal import Dealer, clean_pool

    clean = pipeline.preprocess(pipeline.collect())
    pool = clean_pool(clean)
    dealer = Dealer(pipeline.train(clean).model, pool)
    states = ["healthy"] * len(pool.hours_left)
    reference, weeks = dealer.deal(np.arange(len(pool.X)), pool.hours_left, states)
    week, chance = weeks[0], np.random.default_rng(0)

    def work(n: int) -> None:
        rows, labelled = chance.integers(len(week.X), size=n), chance.integers(len(week.right), size=n)
        watch(reference, [Observed(1, week.X[rows], week.score[rows], week.right[labelled])])

    return _rows("ten monitors, one week", "parcels", [len(week.X) * factor for factor in factors], times, work)


def service(times: int = 5, factors: Sequence[int] = FACTORS) -> list[Row]:
    """Send requests from more and more clients at once, ten from each."""
    from mlops_lesson import pipeline
    from mlops_lesson.deployment import serving
    from mlops_lesson.deployment.load_test import measure_latency

    clean = pipeline.preprocess(pipeline.collect())
    trained = pipeline.train(clean)
    images = clean.part("test")[0]
    with course_home():
        pipeline.deploy(trained, pipeline.validate(trained, clean), reason="to be measured")
        with serving.serve() as server:

            def work(clients: int) -> None:
                run = measure_latency(server, images, clients, clients * 10)
                if run.failed:
                    raise RuntimeError(f"{run.failed} of {clients * 10} requests failed with {clients} clients.")

            return _rows("service, ten requests each from", "clients", list(factors), times, work)


def class_report(times: int = 5, factors: Sequence[int] = FACTORS) -> list[Row]:
    """Read the exports of more and more learners who have finished the course, and merge them."""
    from sample_class import make_export, save

    from mlops_lesson.instructors.class_report import build

    with tempfile.TemporaryDirectory() as top:
        folders = {10 * factor: Path(top) / str(factor) for factor in factors}
        for learners, folder in folders.items():
            for seed in range(learners):
                save(folder, f"{seed}.json", make_export(seed, name=f"Learner {seed}"))

        def without_collector(n: int) -> None:
            gc.disable()
            try:
                build(folders[n])
            finally:
                gc.enable()

        rows = _rows("exports read and merged", "learners", list(folders), times, lambda n: build(folders[n]))
        return rows + _rows(WITHOUT_COLLECTOR, "learners", list(folders), times, without_collector)
