"""The model card: one page that says what a model is for, how good it is, and where it is weak.

Its numbers come from the run. The idea is that of Mitchell et al. (2019), "Model Cards for Model Reporting",
doi:10.1145/3287560.3287596.
"""

from dataclasses import dataclass

from mlops_lesson.collection.dataset import CleanDataset
from mlops_lesson.keep.files import write_atomically
from mlops_lesson.keep.paths import home
from mlops_lesson.show.page import html_table
from mlops_lesson.training.network import TrainedModel
from mlops_lesson.validation.behaviour import behaviour
from mlops_lesson.validation.gate import GateResult
from mlops_lesson.validation.measures import slices

FOLDER = "model_cards"

_USE = (
    "Reads the handwritten route digit of a parcel and picks chute A (digits 0 to 4) or B (5 to 9).",
    "For the depot's four cameras as they hang now. Not for other cameras, letters or printed digits.",
)
_RISK = (
    "A wrong answer sends a parcel to the wrong chute: it comes late and costs work. Nobody is judged by it.",
    "Oversight: staff may overrule any answer, their clicks are the labels. The person on call watches the accuracy, "
    "and can go back to the version before or to sorting by hand.",
    "Personal data: no names. Handwriting with a time and a place may still identify somebody, so images are not "
    "passed on and are deleted when they are no longer needed.",
    "EU AI Act, as we read it in 2026: sorting parcels is not among the high-risk uses of its Annex III; the depot is "
    "to help its staff understand what the system can and cannot do (Article 4). This is not legal advice.",
)


@dataclass(frozen=True, repr=False)
class ModelCard:
    """A model card of headed sentences, ready to be displayed or saved; made by `write_card`."""

    name: str
    sections: tuple[tuple[str, tuple[str, ...]], ...]
    model_hash: str

    def __repr__(self) -> str:
        return self.to_markdown()

    def _repr_html_(self) -> str:
        rows = [(heading, " ".join(sentences)) for heading, sentences in self.sections]
        return html_table(rows, self.name, ("section", "what it says"), row_heads=True)

    def to_markdown(self) -> str:
        """Return the card as Markdown text."""
        parts = [f"# {self.name}"]
        for heading, sentences in self.sections:
            parts.append(f"## {heading}\n\n" + "\n".join(f"- {sentence}" for sentence in sentences))
        return "\n\n".join(parts)

    def save(self) -> str:
        """Save the card as a Markdown file in the learner's folder, and return a sentence that says so."""
        path = home() / FOLDER / f"model_card-{self.model_hash[:12]}.md"
        write_atomically(path, (self.to_markdown() + "\n").encode())
        return f"Saved: {self.name}, as a Markdown file in {FOLDER}/"


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
        If the model learned from other data: it may have seen the test images.
    """
    if trained.data_hash != clean.data_hash:
        raise ValueError(
            f"The model learned from data {trained.data_hash[:12]}, the data given are {clean.data_hash[:12]}. Give "
            "the data it learned from, or train it again."
        )
    parts = {name: clean.table[clean.table["split"] == name] for name in ("train", "validation", "test")}
    X_test, y_test = clean.part("test")
    cameras = slices(trained.model.predict(X_test) == y_test, parts["test"]["camera_id"])
    changes = behaviour(trained.model, X_test, y_test)
    weakest, worst = cameras["accuracy"].idxmin(), changes.loc[changes["accuracy"].idxmin()]
    settings = trained.settings
    known = parts["test"]["sender"].isin(parts["train"]["sender"]).mean()

    def days(name: str) -> str:
        seen_at = parts[name]["seen_at"]
        return f"{len(seen_at)} images, {seen_at.min():%Y-%m-%d} to {seen_at.max():%Y-%m-%d}"

    sections = (
        ("Use", _USE),
        (
            "Data",
            (
                f"Data hash {clean.data_hash[:12]}, split by time. Labels are staff clicks, a few of them wrong.",
                f"Training: {days('train')}.",
                f"Validation, to choose settings: {days('validation')}.",
                f"Test, for the gate and this card: {days('test')}. The later stages of the course use them again.",
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
                f"Images {worst['test']}: accuracy {worst['accuracy']:.3f}.",
                f"{known:.0%} of the test images were written by senders whose hand is among the training images: "
                "expect less for new hands.",
            ),
        ),
        ("Risk and oversight", _RISK),
        (
            f"Gate of {gate.required:.2f}: {'passed' if gate.passed else 'refused'}",
            tuple(f"{reason}." for reason in gate.reasons),
        ),
    )
    name = f"Model card: parcel chute, {settings.epochs} epochs, seed {settings.seed}"
    return ModelCard(name, sections, trained.model_hash)
