"""The explorer of Deployment: prepare one parcel's image, send it to the running service, watch three layers answer."""

from collections.abc import Sequence

import ipywidgets
import numpy as np

from mlops_lesson.collection.depot import CHUTES, GREY_LEVELS, IMAGE_SHAPE
from mlops_lesson.deployment import serving
from mlops_lesson.deployment.serving import Server, ServingError, problems
from mlops_lesson.show.explorer import Answer, Explorer
from mlops_lesson.show.figures import plot_images
from mlops_lesson.validation.behaviour import dim, shift

CONTRACT_SCALE, PICTURE_SCALE = "0 to 16, as the contract says", "0 to 255, as in most picture files"
PICTURE_LEVELS = 255
SEND = "Send to the service"
PROBLEMS_SHOWN = 3


class _Desk:
    """Where a parcel's image is prepared and sent, and the answer is read."""

    def __init__(self, server: Server, images: np.ndarray, labels: Sequence[int]) -> None:
        self.server = server
        self.images = np.asarray(images, dtype=float).reshape(-1, IMAGE_SHAPE[0] * IMAGE_SHAPE[1])
        self.labels = [CHUTES[int(label)] for label in labels]

    def answer(self, parcel: int, columns: int, brightness: int, scale: str, send: bool) -> Answer:
        """Show the image that would be sent or, once the button is pressed, what came of sending it."""
        untouched = self.images[parcel - 1]
        image = shift(dim(untouched, brightness / 100), columns).ravel()
        what = _what(parcel, columns, brightness)
        if not send:
            alt = f"An 8 by 8 image, {what}, mean grey {image.mean():.1f} of {GREY_LEVELS}."
            picture = plot_images([image.reshape(IMAGE_SHAPE)], [what], title="1 Input Data", alt=alt, columns=1)
            return Answer(f"Not sent yet: {what}", (f"Press the button “{SEND}”.",), (picture,))
        notes = []
        try:
            if not self.server.running:
                self.server = serving.start()
                notes.append("The service had stopped and was started again; it ends with this notebook's kernel.")
            if scale == PICTURE_SCALE:
                return self._sent_in_another_scale(image, what, notes)
            return self._sent_as_agreed(image, untouched, self.labels[parcel - 1], what, notes)
        except ServingError as error:
            return Answer("There is no answer", (*notes, str(error)))

    def _sent_in_another_scale(self, image: np.ndarray, what: str, notes: list[str]) -> Answer:
        pixels = np.rint(image * PICTURE_LEVELS / GREY_LEVELS)
        reply = self.server.client.post("/predict", json={"pixels": pixels.tolist()})
        if reply.is_success:
            return Answer(f"Accepted: {what} has no grey level above {GREY_LEVELS}", tuple(notes))
        named = problems(reply)
        if len(named) > PROBLEMS_SHOWN:
            named = [*named[:PROBLEMS_SHOWN], f"{len(named)} pixels are named in the reply."]
        return Answer(f"Refused with status {reply.status_code}: {what}", (*notes, *named))

    def _sent_as_agreed(
        self, image: np.ndarray, untouched: np.ndarray, label: str, what: str, notes: list[str]
    ) -> Answer:
        layers = self.server.trace(image)
        verdict = "so this is right" if layers.chute == label else "so this is wrong"
        notes.append(f"The staff's click says chute {label}, {verdict}.")
        if not np.array_equal(image, untouched):
            before = self.server.predict(untouched)
            notes.append(f"Untouched it goes to chute {before['chute']}: probability of B {before['probability']:.2f}.")
        headline = f"Chute {layers.chute} for {what}: probability of B {layers.probability:.2f}"
        return Answer(headline, tuple(notes), (layers.plot(f"Three layers of {what}"),))


def _what(parcel: int, columns: int, brightness: int) -> str:
    words = [f"parcel {parcel}"]
    if columns:
        side = "right" if columns > 0 else "left"
        words.append(f"moved {abs(columns)} pixel{'s' if abs(columns) > 1 else ''} to the {side}")
    if brightness < 100:
        words.append(f"lamps at {brightness} %")
    return ", ".join(words)


def _slider(description: str, value: int, least: int, most: int, step: int = 1) -> ipywidgets.IntSlider:
    return ipywidgets.IntSlider(
        value=value, min=least, max=most, step=step, description=description, continuous_update=False
    )


def explore_service(server: Server, images: np.ndarray, labels: Sequence[int]) -> Explorer:
    """Choose a parcel, move it, dim it, send it to the service, and watch the three layers answer.

    The first parcel is sent at once. A service that was stopped meanwhile is started again when something is sent.

    Parameters
    ----------
    server : mlops_lesson.deployment.serving.Server
        A running service.
    images : numpy.ndarray of shape (n, 64) or (n, 8, 8)
        Grey levels 0 to 16; at least one image.
    labels : sequence of int, length n
        0 (chute A) or 1 (chute B), as the staff clicked.

    Returns
    -------
    Explorer
        Make it the last expression of a cell.
    """
    desk = _Desk(server, images, labels)
    controls = {
        "parcel": _slider("Parcel", 1, 1, len(desk.images)),
        "columns": _slider("Shift right, pixels", 0, -3, 3),
        "brightness": _slider("Brightness, %", 100, 20, 100, 10),
        "scale": ipywidgets.RadioButtons(options=[CONTRACT_SCALE, PICTURE_SCALE], description="Grey levels sent"),
        "send": ipywidgets.Button(description=SEND),
    }
    return Explorer("One parcel, sent to the service", controls, desk.answer)
