"""The explorer of Deployment: change one parcel's image, and watch three layers of the running service answer."""

from collections.abc import Sequence

import ipywidgets
import numpy as np

from mlops_lesson.collection.depot import CHUTES, GREY_LEVELS, IMAGE_SHAPE
from mlops_lesson.deployment import serving
from mlops_lesson.deployment.serving import Server, ServingError, problems
from mlops_lesson.show.explorer import Answer, Explorer
from mlops_lesson.validation.behaviour import dim, shift

CONTRACT_SCALE, PICTURE_SCALE = "0 to 16, as the contract says", "0 to 255, as in most picture files"
PICTURE_LEVELS = 255
PROBLEMS_SHOWN = 3


def explore_service(server: Server, images: np.ndarray, labels: Sequence[int]) -> Explorer:
    """Choose a parcel, move it, dim it: each image is sent to the service, and its three layers answer.

    A service that was stopped meanwhile is started again.

    Parameters
    ----------
    server : mlops_lesson.deployment.serving.Server
        A running service.
    images : numpy.ndarray of shape (n, 64) or (n, 8, 8)
        Grey levels 0 to 16; at least one image.
    labels : sequence of int, length n
        0 (chute A) or 1 (chute B), as the staff clicked.
    """
    images = np.asarray(images, dtype=float).reshape(-1, IMAGE_SHAPE[0] * IMAGE_SHAPE[1])

    def answer(parcel: int, columns: int, brightness: int, scale: str) -> Answer:
        nonlocal server
        untouched, what = images[parcel - 1], f"parcel {parcel}, shift {columns}, lamps at {brightness} %"
        image = shift(dim(untouched, brightness / 100), columns).ravel()
        try:
            if not server.running:
                server = serving.start()
            if scale == PICTURE_SCALE:
                return _in_another_scale(server, image, what)
            return _as_agreed(server, image, untouched, CHUTES[labels[parcel - 1]], what)
        except ServingError as error:
            return Answer("There is no answer", (str(error),))

    controls = {
        "parcel": ipywidgets.IntSlider(1, 1, len(images), description="Parcel"),
        "columns": ipywidgets.IntSlider(0, -3, 3, description="Shift right, pixels"),
        "brightness": ipywidgets.IntSlider(100, 20, 100, 10, description="Brightness, %"),
        "scale": ipywidgets.RadioButtons(options=[CONTRACT_SCALE, PICTURE_SCALE], description="Grey levels sent"),
    }
    return Explorer("One parcel, sent to the service", controls, answer)


def _in_another_scale(server: Server, image: np.ndarray, what: str) -> Answer:
    reply = server.client.post("/predict", json={"pixels": np.rint(image * PICTURE_LEVELS / GREY_LEVELS).tolist()})
    named = problems(reply)
    notes = (*named[:PROBLEMS_SHOWN], f"Problems named in the reply: {len(named)}.")
    return Answer(f"Refused with status {reply.status_code}: {what}", notes)


def _as_agreed(server: Server, image: np.ndarray, untouched: np.ndarray, label: str, what: str) -> Answer:
    layers = server.trace(image)
    verdict = "so this is right" if layers.chute == label else "so this is wrong"
    notes = [f"The staff's click says chute {label}, {verdict}."]
    if not np.array_equal(image, untouched):
        before = server.predict(untouched)
        notes.append(f"Untouched it goes to chute {before['chute']}: probability of B {before['probability']:.2f}.")
    headline = f"Chute {layers.chute} for {what}: probability of B {layers.probability:.2f}"
    return Answer(headline, tuple(notes), (layers.plot("The three layers"),))
