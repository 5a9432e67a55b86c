"""Why MLOps manages the ML lifecycle: the package behind the six notebooks.

Importing the package is cheap on purpose: scikit-learn, matplotlib, MLflow and ipywidgets are loaded by the
modules that need them.
A room for each stage, and `keep`, `show`, `teaching` and `instructors` for what the stages share.
"""

import gc
import os

# The course's arrays are small: several threads would cost more than they save, most of all on a machine with few
# processors or many learners, and add numbers in another order. The libraries read this once, when they are loaded.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

# The course's MLflow store is a file of the learner's: a company's servers, pools and workspaces do not belong to it,
# nor does a setting that makes pandera check nothing.
# Without the first of these MLflow would report how it is used; without the second it would keep the file open.
for _name in [name for name in os.environ if name.startswith(("MLFLOW_", "PANDERA_"))]:
    del os.environ[_name]
os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", MLFLOW_SQLALCHEMYSTORE_POOLCLASS="NullPool")

# With the course's libraries loaded, Python's garbage collector takes up to half a second to look through the whole
# memory, and by default looks often. A first look only after so many new objects makes that rare; a number that is
# larger already, or 0 for no collector, is somebody's choice and stays.
_NEW_OBJECTS = 5_000
if 0 < gc.get_threshold()[0] < _NEW_OBJECTS:
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])

__version__ = "0.1.0"
