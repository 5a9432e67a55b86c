"""What the tests of monitoring share: live weeks, made once, and a service without a network."""

import functools
import shutil
from pathlib import Path
from typing import Any

from course_models import clean, validated
from depot_service import new_store, prepared

from mlops_lesson import pipeline
from mlops_lesson.collection import depot
from mlops_lesson.deployment import registry, request_log
from mlops_lesson.deployment.rollout import Status
from mlops_lesson.monitoring.rehearsal import Pool, undisturbed_pool


@functools.cache
def pool() -> Pool:
    return undisturbed_pool(clean())


@functools.cache
def live_week(week: int, control: bool = False) -> depot.LiveWeek:
    return depot.read_live_week(week, control=control)


def fill_home(folder: Path) -> None:
    """Make a home whose champion is the course's model."""
    made = prepared("live-home", lambda: pipeline.deploy(validated().trained, validated().gate), new_store())
    shutil.copytree(made, folder, dirs_exist_ok=True)


class ServiceWithoutNetwork:
    """Answers as the service does, from the registry and into the request log, in this process."""

    def __init__(self) -> None:
        self.log = request_log.RequestLog()
        self.shadow: Any = None
        self.answered = 0
        self.reload()

    def reload(self) -> dict[str, Any]:
        self.champion = registry.load("champion")
        return {"version": self.champion.version}

    def predict(self, image: Any, parcel_id: int) -> None:
        self.answered += 1
        models = {"champion": self.champion} | ({"shadow": self.shadow} if self.shadow else {})
        for role, entry in models.items():
            score = float(entry.model.predict_proba(image.reshape(1, -1))[0, 1])
            self.log.write(parcel_id=str(parcel_id), role=role, version=entry.version, image=image, score=score)

    def ask(self, _method: str, path: str, order: dict[str, Any] | None = None) -> Any:
        if path == "/metrics":
            self.answered += 1
            return f'# TYPE depot_requests_total counter\ndepot_requests_total{{status="200"}} {self.answered - 1}\n'
        self.shadow = registry.load("challenger") if order["mode"] == "shadow" else None
        return vars(Status(order["mode"]))
