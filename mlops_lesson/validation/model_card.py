"""The model card: one page that says what a model is for, how good it is, and where it is weak.

Written from a run, never by hand, so that it cannot say more than was measured. The idea is that of Mitchell et al.
(2019), "Model Cards for Model Reporting", doi:10.1145/3287560.3287596.
"""

from dataclasses import dataclass
from html import escape

from mlops_lesson.collection.dataset import CleanDataset
from mlops_lesson.keep.files import write_atomically
from mlops_lesson.keep.paths import home
from mlops_lesson.training.network import TrainedModel
from mlops_lesson.validation.behaviour import behaviour
from mlops_lesson.validation.gate import GateResult
from mlops_lesson.validation.measures import slices

FOLDER = "model_cards"


@dataclass(frozen=True, repr=False)
class ModelCard:
    """A model card, ready to be displayed or kept; made by `write_card`.

    Parameters
    ----------
    name : str
        What the card is about.
    sections : tuple of (str, tuple of str)
        Heading and sentences of each section.
    version : str
        SHA-256 of the model; its beginning names the card's file.
    """

    name: str
    sections: tuple[tuple[str, tuple[str, ...]], ...]
    version: str

    def __repr__(self) -> str:
        return self.to_markdown()

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th scope="row" style="text-align:left;vertical-align:top">{escape(heading)}</th>'
            f'<td style="text-align:left">{"<br>".join(map(escape, sentences))}</td></tr>'
            for heading, sentences in self.sections
        )
        return f'<table><caption style="text-align:left">{escape(self.name)}</caption><tbody>{rows}</tbody></table>'

    def to_markdown(self) -> str:
        """Return the card as Markdown text."""
        parts = [f"# {self.name}"]
        for heading, sentences in self.sections:
            parts.append(f"## {heading}\n\n" + "\n".join(f"- {sentence}" for sentence in sentences))
        return "\n\n".join(parts)

    def save(self) -> str:
        """Keep the card as a Markdown file in the learner's folder, beside the cards of other models.

        Returns
        -------
        str
            A sentence that says what was kept.
        """
        path = home() / FOLDER / f"model_card-{self.version[:12]}.md"
        write_atomically(path, (self.to_markdown() + "\n").encode())
        return f"Kept: {self.name}, as a Markdown file in {FOLDER}/"


def write_card(trained: TrainedModel, gate: GateResult, clean: CleanDataset) -> ModelCard:
    """Write the model card of a trained and judged model.

    Parameters
    ----------
    trained : TrainedModel
        The model.
    gate : GateResult
        The gate's verdict on it.
    clean : CleanDataset
        The data it learned from and was judged on.

    Returns
    -------
    ModelCard
        Make it the last expression of a cell.

    Raises
    ------
    ValueError
        If the model learned from other data: its test images would not be unseen.
    """
    if trained.data_hash != clean.data_hash:
        raise ValueError(
            f"The model learned from data version {trained.data_hash[:12]}, the data given are "
            f"{clean.data_hash[:12]}. Give the data it learned from, or train it again."
        )
    parts = {name: clean.table[clean.table["split"] == name] for name in ("train", "validation", "test")}
    X_test, y_test = clean.part("test")
    right = trained.model.predict(X_test) == y_test
    cameras = slices(right, parts["test"]["camera_id"])
    changes = behaviour(trained.model, X_test, y_test)
    weakest, worst = cameras["accuracy"].idxmin(), changes.loc[changes["accuracy"].idxmin()]
    settings = trained.settings

    def days(name: str) -> str:
        seen_at = parts[name]["seen_at"]
        return f"{len(seen_at)} images, {seen_at.min():%Y-%m-%d} to {seen_at.max():%Y-%m-%d}"

    sections = (
        (
            "Use",
            (
                "Reads the handwritten route digit of a parcel and picks chute A (digits 0 to 4) or B (5 to 9).",
                "For the depot's four cameras as they hang now. Not for other cameras, letters or printed digits.",
            ),
        ),
        (
            "Data",
            (
                f"Version {clean.data_hash[:12]}, split by time. Labels are staff clicks, a few of them wrong.",
                f"Training: {days('train')}.",
                f"Validation, to choose settings: {days('validation')}.",
                f"Test, for the gate and this card only: {days('test')}.",
            ),
        ),
        (
            "Training",
            (
                f"Network of {settings.hidden_units} hidden units, {settings.epochs} epochs, learning rate "
                f"{settings.learning_rate:g}, batches of {settings.batch_size}, momentum {settings.momentum:g}, "
                f"seed {settings.seed}.",
            ),
        ),
        (
            "Measured on the test images",
            (
                f"Accuracy {gate.accuracy:.3f}, 95 % interval {gate.low:.3f} to {gate.high:.3f}; "
                f"log loss {gate.loss:.3f}.",
                *(
                    f"Camera {camera}: {row.accuracy:.3f} on {row.n} images, {row.low:.3f} to {row.high:.3f}."
                    for camera, row in zip(cameras.index, cameras.itertuples(index=False), strict=True)
                ),
            ),
        ),
        (
            "Known weaknesses",
            (
                f"Camera {weakest} is the weakest, with {cameras['accuracy'][weakest]:.3f}.",
                f"Images {worst['test']}: accuracy {worst['accuracy']:.3f}. A person still reads the same digits.",
            ),
        ),
        (f"Gate of {gate.threshold:.2f}: {'passed' if gate.passed else 'refused'}", gate.reasons),
    )
    name = f"Model card: parcel chute, {settings.epochs} epochs, seed {settings.seed}"
    return ModelCard(name, sections, trained.model_hash)
