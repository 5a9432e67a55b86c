"""JupyterHub for a rehearsal: simulated learners in local processes, one shared password, the loopback address only.

For measuring and testing on one's own machine (`make classroom`). It keeps no learner from another's files: never let
people in here.
"""

import os
import resource
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

from jupyterhub.spawner import SimpleLocalProcessSpawner

sys.path.insert(0, str(Path(__file__).resolve().parent))
from class_settings import OwnPort, configure

turn = count()


class LimitedProcessSpawner(OwnPort, SimpleLocalProcessSpawner):
    """Local processes that are held to the limits as far as a process without systemd can be.

    No process gets more private memory than `mem_limit` (``RLIMIT_DATA``): unlike with systemd the limit counts for
    each process and not for all of a learner's together. All of a learner's processes share `cpu_limit` cores, given
    out in turn; code that asks for other cores gets them.
    """

    first_port = int(os.environ["REHEARSAL_FIRST_PORT"])

    def make_preexec_fn(self, name: str) -> Callable[[], None]:
        """Return what the new process does before it becomes the learner's server."""
        enter_home = super().make_preexec_fn(name)
        memory, cores = self.mem_limit, max(1, round(self.cpu_limit or 1))
        first = next(turn) * cores

        def enter_home_within_limits() -> None:
            enter_home()
            resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
            if hasattr(os, "sched_setaffinity"):
                here = sorted(os.sched_getaffinity(0))
                os.sched_setaffinity(0, {here[(first + more) % len(here)] for more in range(cores)})

        return enter_home_within_limits


c = get_config()  # noqa: F821
configure(c)

c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = os.environ["REHEARSAL_PASSWORD"]
c.Authenticator.allow_all = True

c.JupyterHub.spawner_class = LimitedProcessSpawner
c.SimpleLocalProcessSpawner.home_dir_template = os.environ["REHEARSAL_HOMES"] + "/{username}"
# By it a rehearsal finds and ends what it started.
for started in (c.Spawner, *c.JupyterHub.services):
    started.setdefault("environment", {})["REHEARSAL"] = os.environ["REHEARSAL"]
# jupyter_server refuses to run as root unless it is told that this is meant.
c.Spawner.args = ["--allow-root"] if os.geteuid() == 0 else []
