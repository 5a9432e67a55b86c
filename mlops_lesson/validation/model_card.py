"""The model card: one page that says what a model is for, how good it is, and where it is weak.

Its numbers come from the run. The idea is that of Mitchell et al. (2019), "Model Cards for Model Reporting",
doi:10.1145/3287560.3287596.
"""

from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

from mlops_lesson.collection.dataset import CleanDataset
from mlops_lesson.keep.files import write_atomically
from mlops_lesson.keep.paths import home
from mlops_lesson.show.page import render
from mlops_lesson.training.network import TrainedModel
from mlops_lesson.validation.behaviour import behaviour
from mlops_lesson.validation.gate import GateResult
from mlops_lesson.validation.measures import slices

FOLDER = "model_cards"


@dataclass(frozen=True, repr=False)
class ModelCard:
    """A model card, ready to be displayed or saved: Markdown with a title, headings and lists; made by `write_card`."""

    markdown: str
    model_hash: str

    def __repr__(self) -> str:
        return self.markdown

    def _repr_html_(self) -> str:
        title, *sections = self.markdown.split("\n\n## ")
        parted = (section.partition("\n\n- ") for section in sections)
        rows = [(heading, text.strip().split("\n- ")) for heading, _, text in parted]
        return render("validation/model_card", title=title.removeprefix("# "), rows=rows)

    def save(self) -> str:
        """Save the card as a Markdown file in the learner's folder, and return a sentence that says so."""
        write_atomically(home() / FOLDER / f"model_card-{self.model_hash[:12]}.md", self.markdown.encode())
        return f"Saved: the model card, as a Markdown file in {FOLDER}/"


def write_card(trained: TrainedModel, gate: GateResult, clean: CleanDataset) -> ModelCard:
    """Write the model card of a trained model, of the gate's verdict on it and of the data it learned from."""
    by_part = clean.table.groupby("split")
    table, (X_test, y_test) = by_part.get_group("test"), clean.part("test")
    X_val, y_val = clean.part("validation")
    both = trained.model.predict_proba(X_val)
    cameras = slices(trained.model.predict(X_test) == y_test, table["camera_id"])
    changes = behaviour(trained.model, X_test, y_test)
    days = by_part["seen_at"].agg(["size", "min", "max"]).itertuples()
    lines = (
        f"- Camera {row.Index}: {row.accuracy:.3f} on {row.n} images, {row.low:.3f} to {row.high:.3f}."
        for row in cameras.itertuples()
    )
    template = Path(__file__).with_suffix(".md").read_text(encoding="utf-8")
    markdown = template.format(
        settings=trained.settings,
        gate=gate,
        verdict="passed" if gate.passed else "refused",
        reasons="\n".join(f"- {reason}." for reason in gate.reasons),
        data_hash=clean.data_hash[:12],
        **{part: f"{n} images, {first:%Y-%m-%d} to {last:%Y-%m-%d}" for part, n, first, last in days},
        cameras="\n".join(lines),
        weakest=cameras.loc[cameras["accuracy"].idxmin()],
        worst=min(changes.items(), key=itemgetter(1)),
        known=100 * table["sender"].isin(by_part.get_group("train")["sender"]).mean(),
        promised=(1 - both.max(axis=1)).sum(),
        made=(both.argmax(axis=1) != y_val).sum(),
    )
    return ModelCard(markdown, trained.model_hash)
