"""Ask the public database of vulnerabilities about every pinned dependency; ``make audit``.

It says plainly when the database could not be asked: an audit that did not happen is not a clean one.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PIP_AUDIT = "pip-audit==2.10.1"
LOCK = Path(__file__).resolve().parent.parent / "requirements.lock"
NOT_ASKED = 2
SKIPPED = "could not be audited"


def main(pip_audit: Sequence[str] = (sys.executable, "-m", "uv", "tool", "run", PIP_AUDIT)) -> int:
    """Audit the lock file.

    Parameters
    ----------
    pip_audit : sequence of str
        The command to run, without its options.

    Returns
    -------
    int
        0 if no vulnerability is known, 1 if one is or the tool failed, 2 if packages could not be asked about.
    """
    command = [*pip_audit, "--disable-pip", "--no-deps", "-r", str(LOCK)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    words = (done.stdout + done.stderr).strip()
    print(words)
    skipped = words.count(SKIPPED)
    if done.returncode == 0 and "No known vulnerabilities" not in words:
        skipped = max(skipped, 1)
    if skipped:
        print(f"The audit is not complete: the database said nothing about {skipped} packages, or was not reached.")
    return done.returncode or (NOT_ASKED if skipped else 0)


if __name__ == "__main__":
    sys.exit(main())
