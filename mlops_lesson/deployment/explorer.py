"""The explorer of Deployment: prepare one parcel's image, send it to the running service, watch three layers answer."""

from collections.abc import Sequence
from html import escape

import ipywidgets
import numpy as np

from mlops_lesson.collection.depot import CHUTES, GREY_LEVELS, IMAGE_SHAPE
from mlops_lesson.deployment import serving
from mlops_lesson.deployment.serving import Server, ServingError
from mlops_lesson.show.explorer import Explorer, explorer
from mlops_lesson.show.figures import ShownFigure, plot_images
from mlops_lesson.validation.behaviour import dim, shift

CONTRACT_SCALE, PICTURE_SCALE = "0 to 16, as the contract says", "0 to 255, as in most picture files"


PICTURE_LEVELS = 255


PROBLEMS_SHOWN = 3


class _Desk:
    """Where a parcel's image is prepared and sent, and the answer is read."""

    def __init__(self, server: Server, images: np.ndarray, labels: Sequence[int]) -> None:
        self.server = server
        self.images = np.asarray(images, dtype=float).reshape(-1, IMAGE_SHAPE[0] * IMAGE_SHAPE[1])
        self.labels = [CHUTES[int(label)] for label in labels]
        if not len(self.images) or len(self.images) != len(self.labels):
            raise ValueError(
                f"Give at least one image and one label an image: got {len(self.images)} images, {len(self.labels)} "
                "labels."
            )
        self.parcel = _slider("Parcel", 1, 1, len(self.images))
        self.columns = _slider("Shift right, pixels", 0, -3, 3)
        self.brightness = _slider("Brightness, %", 100, 20, 100, 10)
        self.scale = ipywidgets.RadioButtons(options=[CONTRACT_SCALE, PICTURE_SCALE], description="Grey levels sent")
        self.send = ipywidgets.Button(description="Send to the service", layout={"align_self": "flex-start"})
        self.result = ipywidgets.HTML()
        self.words = ""
        self.controls = (self.parcel, self.columns, self.brightness, self.scale, self.send)
        for control in self.controls[:-1]:
            control.observe(self._show_unsent, "value")
        self.send.on_click(self._send)

    @property
    def untouched(self) -> np.ndarray:
        """The chosen image as the camera took it."""
        return self.images[self.parcel.value - 1]

    @property
    def image(self) -> np.ndarray:
        """The chosen image, moved and dimmed; grey levels 0 to 16."""
        return shift(dim(self.untouched, self.brightness.value / 100), self.columns.value).ravel()

    @property
    def what(self) -> str:
        """What is on the desk, in words."""
        words = [f"parcel {self.parcel.value}"]
        if columns := self.columns.value:
            side = "right" if columns > 0 else "left"
            words.append(f"moved {abs(columns)} pixel{'s' if abs(columns) > 1 else ''} to the {side}")
        if self.brightness.value < 100:
            words.append(f"lamps at {self.brightness.value} %")
        return ", ".join(words)

    def _show_unsent(self, _change: object = None) -> None:
        alt = f"An 8 by 8 image, {self.what}, mean grey {self.image.mean():.1f} of {GREY_LEVELS}."
        picture = plot_images([self.image.reshape(IMAGE_SHAPE)], [self.what], title="1 Input Data", alt=alt, columns=1)
        self._show(f"Not sent yet: {self.what}", [f"Press the button “{self.send.description}”."], picture)

    def _send(self, _button: object = None) -> None:
        notes = []
        try:
            if not self.server.running:
                self._show("The service was stopped. It is being started again, which takes some seconds.", [])
                self.server = serving.start(self.server.alias)
                notes.append("The service runs again; it ends with stop_all() or with the notebook's kernel.")
            if self.scale.value == PICTURE_SCALE:
                self._send_in_another_scale(notes)
            else:
                self._send_as_agreed(notes)
        except ServingError as error:
            self._show("There is no answer.", [*notes, str(error)])

    def _send_in_another_scale(self, notes: list[str]) -> None:
        pixels = np.rint(self.image * PICTURE_LEVELS / GREY_LEVELS).reshape(IMAGE_SHAPE)
        reply = self.server.send({"pixels": pixels})
        if reply.status == 200:
            self._show(f"Accepted: {self.what} has no grey level above {GREY_LEVELS}.", notes)
            return
        named = reply.problems
        if len(named) > PROBLEMS_SHOWN:
            named = [*named[:PROBLEMS_SHOWN], f"{len(named)} pixels are named in the reply."]
        self._show(f"Refused with status {reply.status}: {self.what}", [*notes, *named])

    def _send_as_agreed(self, notes: list[str]) -> None:
        layers = self.server.trace(self.image)
        label = self.labels[self.parcel.value - 1]
        verdict = "so this is right" if layers.chute == label else "so this is wrong"
        notes.append(f"The staff's click says chute {label}, {verdict}.")
        if self.what != f"parcel {self.parcel.value}":
            before = self.server.predict(self.untouched)
            notes.append(f"Untouched it goes to chute {before['chute']}: probability of B {before['probability']:.2f}.")
        headline = f"Chute {layers.chute} for {self.what}: probability of B {layers.probability:.2f}"
        self._show(headline, notes, layers.plot(f"Three layers of {self.what}"))

    def _show(self, headline: str, notes: Sequence[str], figure: ShownFigure | None = None) -> None:
        self.words = "\n".join([headline, *(f"- {note}" for note in notes), *([figure.alt] if figure else [])])
        items = "".join(f"<li>{escape(note)}</li>" for note in notes)
        picture = figure._repr_html_() if figure else ""
        self.result.value = f"<p><strong>{escape(headline)}</strong></p>{f'<ul>{items}</ul>' if items else ''}{picture}"


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

    Raises
    ------
    ValueError
        If there is no image, or images and labels differ in number.
    """
    desk = _Desk(server, images, labels)
    desk.send.click()
    return explorer("One parcel, sent to the service", desk.controls, desk.result, lambda: desk.words)
