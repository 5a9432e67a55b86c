"""The part of the configuration that a real class and a rehearsal share, made from `deploy/settings.toml`."""

import os
import sys
import tomllib
from functools import partial
from pathlib import Path
from typing import Any

from traitlets import HasTraits, validate

HERE = Path(__file__).resolve().parent
COURSE = HERE.parent.parent
SETTINGS: dict[str, Any] = tomllib.loads((HERE.parent / "settings.toml").read_text(encoding="utf-8"))
PROXY = COURSE / ".hub" / "node_modules" / ".bin" / "configurable-http-proxy"


class OwnPort(HasTraits):
    """For a spawner: give each learner's server a port that no other learner's gets.

    A spawner takes a port that is free and lets go of it until the server has started. When a whole class starts at
    once two servers can get the same, and then the hub sends one learner to the other's server.
    """

    first_port = SETTINGS["learner"]["first_port"]

    @validate("port")
    def _one_for_each_learner(self, _: object) -> int:
        return self.first_port + self.user.id


def configure(c: Any) -> None:
    """Set everything that does not depend on how learners log in and how their servers are run.

    Parameters
    ----------
    c : traitlets.config.Config
        The configuration of a `jupyterhub_config.py`, changed in place.
    """
    learner, idle, start = SETTINGS["learner"], SETTINGS["idle"], SETTINGS["start"]

    # Nothing listens beyond this machine: what learners reach is a web server with a certificate in front of the hub.
    c.JupyterHub.bind_url = "http://127.0.0.1:8000"
    c.JupyterHub.hub_ip = "127.0.0.1"
    c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:8001"
    c.ConfigurableHTTPProxy.command = [str(PROXY)]

    c.Spawner.ip = "127.0.0.1"
    c.Spawner.cmd = [sys.executable, str(HERE / "start_learner.py")]
    c.Spawner.default_url = learner["first_page"]
    c.Spawner.mem_limit = f"{learner['memory_limit_gb']}G"
    c.Spawner.cpu_limit = learner["cpu_limit"]
    c.Spawner.start_timeout = c.Spawner.http_timeout = start["seconds_at_most"]
    # All at once wait in one queue, each before a page with its progress, rather than the last before an error.
    c.JupyterHub.concurrent_spawn_limit = 0
    c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 1}
    c.Spawner.environment = {
        "COURSE_REPOSITORY": os.environ.get("COURSE_REPOSITORY", COURSE.as_uri()),
        "COURSE_FOLDER": learner["course_folder"],
        **{name: partial(_value, template) for name, template in learner["environment"].items()},
    }

    c.JupyterHub.services = [
        {
            "name": "idle-culler",
            "command": [
                str(Path(sys.executable).with_name("jupyterhub-idle-culler")),
                f"--timeout={idle['stop_after_seconds']}",
                f"--cull-every={idle['check_every_seconds']}",
            ],
        }
    ]
    c.JupyterHub.load_roles = [
        {
            "name": "idle-culler",
            "services": ["idle-culler"],
            "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        }
    ]


def _value(template: str, spawner: Any) -> str:
    home = getattr(spawner, "home_dir", "") or str(Path(f"~{spawner.user.name}").expanduser())
    return template.format(home=home)
