"""The one place where a learner's code runs: nothing that it raises gets out, and time and prints have a limit."""

import contextlib
import copy
import ctypes
import io
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from unittest.mock import patch

from mlops_lesson.teaching.exercises.exercise import Exercise

SECONDS = 10
"""How long a check may take."""

MOST_VALUES = 10_000
LONGEST_PRINT = 2_000

OTHER_PYTHON = """
import pickle, sys
given, sys.stdout = sys.stdout.buffer, sys.stderr
answer, calls = pickle.load(sys.stdin.buffer)
pickle.dump([answer(*call) for call in calls], given)
"""


class CrashError(Exception):
    """The learner's function raised what is this error's cause."""


class _Prints(io.StringIO):
    """Takes what is printed, and saves the beginning."""

    def write(self, text: str) -> int:
        return super().write(text[: max(LONGEST_PRINT - self.tell(), 0)])


def quietly(ask: Callable[..., Any], *values: Any, otherwise: Any = None) -> Any:
    """Ask something about a learner's values, which may raise whatever they like; then the answer is `otherwise`."""
    try:
        return ask(*values)
    except BaseException:
        return otherwise


@dataclass
class Trial:
    """A learner's function on trial; `now` is the situation that it is in, in words."""

    exercise: Exercise
    answer: Callable[..., Any]
    now: str = ""
    prints: _Prints = field(default_factory=_Prints)

    def __call__(self, *arguments: Any) -> Any:
        """Run the function on copies of the arguments; values that come one at a time are taken once, as a list."""
        try:
            given = self.answer(*copy.deepcopy(arguments))
            return list(islice(given, MOST_VALUES)) if isinstance(given, Iterator) else given
        except BaseException as error:
            raise CrashError from error

    def elsewhere(self, calls: list[tuple[Any, ...]]) -> list[Any]:
        """Run the function in a second Python with other hashes; an empty list if it cannot be taken there in time."""
        import cloudpickle

        try:
            done = subprocess.run(  # noqa: S603 - the course's own few lines
                [sys.executable, "-c", OTHER_PYTHON],
                input=cloudpickle.dumps((self.answer, calls)),
                capture_output=True,
                timeout=SECONDS / 2,
                env=os.environ | {"PYTHONHASHSEED": "random", "PYTHONPATH": os.pathsep.join(sys.path)},
            )
            return pickle.loads(done.stdout)  # noqa: S301 - written by the lines above
        except Exception:
            return []

    def run(self, task: Callable[[], Any]) -> Any:
        """Run the task in a thread that can be left alone; `TimeoutError` if it does not end."""
        found: Future[Any] = Future()

        def work() -> None:
            try:
                found.set_result(task())
            except BaseException as error:
                found.set_exception(error)

        thread = threading.Thread(target=work, daemon=True)
        with _caught(self.prints):
            thread.start()
            try:
                return found.result(SECONDS)
            except (TimeoutError, KeyboardInterrupt):
                # What catches all goes on: it is thrown at again, and left alone in the end.
                for _ in range(20):
                    stop = ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit)
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(*stop)
                    thread.join(0.05)
                raise TimeoutError from None


@contextlib.contextmanager
def _caught(prints: _Prints) -> Iterator[None]:
    """Catch prints, displays, questions, and calls of `exit()`, which would end the kernel."""
    from IPython import get_ipython
    from IPython.utils.capture import capture_output

    shell = get_ipython()
    with (
        patch("builtins.input", side_effect=RuntimeError("a check has no keyboard; work with the arguments")),
        patch.object(shell, "ask_exit", sys.exit) if shell else contextlib.nullcontext(),
        capture_output(),
        contextlib.redirect_stdout(prints),
        contextlib.redirect_stderr(prints),
    ):
        yield
