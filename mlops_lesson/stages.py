"""The six stages of the machine-learning lifecycle, and the strip that says "you are here"."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """One stage of the machine-learning lifecycle.

    Parameters
    ----------
    number : int
        Place in the lifecycle, 1 to 6.
    name : str
        Name of the stage, as it is written everywhere in the course.
    input, operation, output, example : str
        What goes in, what is done, what comes out, and one everyday example.
    """

    number: int
    name: str
    input: str
    operation: str
    output: str
    example: str

    @property
    def slug(self) -> str:
        """Name for files and links, such as ``"data_collection"``."""
        return self.name.lower().replace("&", "and").replace(" ", "_")

    @property
    def notebook(self) -> str:
        """File name of the stage's notebook, such as ``"01_data_collection.ipynb"``."""
        return f"{self.number:02d}_{self.slug}.ipynb"


STAGES: tuple[Stage, ...] = (
    Stage(
        1,
        "Data Collection",
        "Raw data from various sources",
        "Gather data from databases, sensors, or files",
        "Raw dataset with mixed formats",
        "CSV files with user clicks, images from cameras",
    ),
    Stage(
        2,
        "Data Preprocessing",
        "Raw dataset with mixed formats",
        "Clean, normalize, and format data for training",
        "Cleaned dataset with consistent features",
        "Remove missing values, scale numbers between 0 and 1",
    ),
    Stage(
        3,
        "Model Training",
        "Cleaned dataset with consistent features",
        "Train ML model using training data",
        "Trained model with learned parameters",
        "Neural network learns to classify images",
    ),
    Stage(
        4,
        "Model Validation",
        "Trained model and validation dataset",
        "Evaluate model accuracy and performance",
        "Performance metrics like accuracy and loss",
        "Model achieves 85% accuracy on validation images",
    ),
    Stage(
        5,
        "Deployment",
        "Validated trained model",
        "Deploy model to production environment",
        "Model available for real-time predictions",
        "Model runs on cloud server responding to user queries",
    ),
    Stage(
        6,
        "Monitoring & Maintenance",
        "Deployed model and live data",
        "Track model performance and update if needed",
        "Alerts on model drift and updated models",
        "Detect accuracy drop and retrain model automatically",
    ),
)

KEY_INSIGHT = (
    "MLOps manages the ML lifecycle to keep models accurate and reliable by organizing data handling, training, "
    "deployment, and continuous monitoring, so that models stay useful in changing real-world conditions."
)


def get_stage(stage: "int | str | Stage") -> Stage:
    """Look a stage up by its number, name or slug.

    Parameters
    ----------
    stage : int, str or Stage
        1 to 6, a name such as ``"Data Collection"``, a slug such as ``"data_collection"``, or a `Stage`, which is
        returned as it is.

    Returns
    -------
    Stage
        The stage.

    Raises
    ------
    ValueError
        If there is no such stage; the message lists the six.
    """
    if isinstance(stage, Stage):
        return stage
    for known in STAGES:
        if stage in (known.number, known.name, known.slug) and not isinstance(stage, bool):
            return known
    names = ", ".join(f"{known.number} {known.name!r}" for known in STAGES)
    raise ValueError(f"No stage {stage!r}. Give a number or a name: {names}.")
