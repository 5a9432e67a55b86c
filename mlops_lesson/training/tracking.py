"""What a run's record says besides data and settings: the code and the libraries that the run was made with."""

import hashlib
import platform
import shutil
import subprocess

from mlops_lesson.keep.paths import course_root


def code_and_libraries() -> dict[str, str]:
    """Say which code and which libraries run here, as tags for an experiment tracker.

    Returns
    -------
    dict of str to str
        `git_commit` of the course's folder ("none" where it is no clone, such as a downloaded ZIP), `lock_hash`, the
        SHA-256 of `requirements.lock`, and the versions of Python, NumPy and scikit-learn.
    """
    import numpy as np
    import sklearn

    root, git, commit = course_root(), shutil.which("git"), ""
    if git and (root / ".git").exists():
        command = [git, "-C", str(root), "rev-parse", "HEAD"]
        commit = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
    return {
        "git_commit": commit or "none",
        "lock_hash": hashlib.sha256((root / "requirements.lock").read_bytes()).hexdigest(),
        "python_version": platform.python_version(),
        "numpy_version": np.__version__,
        "scikit_learn_version": sklearn.__version__,
    }
