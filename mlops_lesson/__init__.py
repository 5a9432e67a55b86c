"""Why MLOps manages the ML lifecycle: the package behind the six notebooks.

Importing the package is cheap on purpose: scikit-learn, matplotlib, MLflow and ipywidgets are loaded by the
modules that need them (`mlops_lesson.pipeline`, `mlops_lesson.charts`, `mlops_lesson.registry`, `mlops_lesson.quiz`).
"""

__version__ = "0.1.0"
