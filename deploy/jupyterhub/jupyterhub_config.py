"""JupyterHub for a class on one machine: Linux accounts, and systemd to hold every learner to the limits.

Has to run as root on a Linux with systemd and cgroups v2. `docs/hub.md` leads from a bare machine to this point.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from class_settings import OwnPort, configure
from systemdspawner import SystemdSpawner


class ClassSpawner(OwnPort, SystemdSpawner):
    """Servers as services of systemd, each on its own port."""


c = get_config()  # noqa: F821
configure(c)

# Each learner has an account of this machine with a password of their own, so nobody can log in as somebody else, and
# the file system keeps homes apart. Only members of the two groups get in.
c.JupyterHub.authenticator_class = "pam"
c.PAMAuthenticator.allowed_groups = {"mlops-learners", "mlops-instructors"}
c.PAMAuthenticator.admin_groups = {"mlops-instructors"}
c.PAMAuthenticator.open_sessions = False

# systemd keeps the sum of all that a learner runs below Spawner.mem_limit and Spawner.cpu_limit.
c.JupyterHub.spawner_class = ClassSpawner
c.SystemdSpawner.default_shell = "/bin/bash"
c.SystemdSpawner.isolate_tmp = True
c.SystemdSpawner.isolate_devices = True
c.SystemdSpawner.disable_user_sudo = True
# A kernel that goes over the memory is killed alone; by default systemd would stop the whole server with it.
c.SystemdSpawner.unit_extra_properties = {"OOMPolicy": "continue"}

# A restart of the hub leaves the learners' servers running.
c.JupyterHub.cleanup_servers = False
