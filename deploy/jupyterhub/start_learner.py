"""Start one learner's server: bring or update the course, then become `jupyterhub-singleuser`.

Runs as the learner, in the learner's home. The course comes from the git repository ``COURSE_REPOSITORY`` into the
folder ``COURSE_FOLDER``, by nbgitpuller: what the learner changed stays as it is, what the learner did not touch is
updated. An update that fails costs nothing but itself: the server starts with the course as it was.
"""

import os
import sys
from pathlib import Path

from nbgitpuller.pull import GitPuller

# A merge by lines could leave a notebook that is half the learner's and half the course's, or no longer valid JSON.
WHOLE_NOTEBOOKS = "*.ipynb -merge\n"
# A kernel is told its TCP ports before it takes them. When thirty start at once, some find a port taken in between and
# never answer. Sockets that are files cannot be taken by anybody else, nor listened to by another learner.
KERNELS_WITHOUT_PORTS = "--KernelManager.transport=ipc"


def deliver(repository: str, folder: Path) -> None:
    """Clone the course, or merge its changes into the learner's copy without losing anything of the learner's.

    Parameters
    ----------
    repository : str
        Address of a git repository; its current branch is delivered.
    folder : pathlib.Path
        The learner's copy, which may not exist yet. A notebook changed on both sides stays the learner's as a whole.

    Raises
    ------
    Exception
        Whatever nbgitpuller or git raise when the repository cannot be reached or merged.
    """
    attributes = folder / ".git" / "info" / "attributes"
    if folder.is_dir():
        attributes.parent.mkdir(parents=True, exist_ok=True)
        attributes.write_text(WHOLE_NOTEBOOKS, encoding="utf-8")
    for line in GitPuller(repository, str(folder)).pull():
        print(line.rstrip(), flush=True)


def main() -> None:
    """Deliver the course and replace this process by the server."""
    repository, folder = os.environ["COURSE_REPOSITORY"], Path.home() / os.environ["COURSE_FOLDER"]
    try:
        deliver(repository, folder)
    except Exception as error:
        print(f"The course could not be brought from {repository}: {error!r}", file=sys.stderr, flush=True)
        if not folder.is_dir():
            sys.exit("There is no copy of the course in this home yet, so the server is not started.")
        print("The server starts with the course as it was.", file=sys.stderr, flush=True)
    program = str(Path(sys.executable).with_name("jupyterhub-singleuser"))
    os.execv(program, [program, KERNELS_WITHOUT_PORTS, *sys.argv[1:]])  # noqa: S606


if __name__ == "__main__":
    main()
