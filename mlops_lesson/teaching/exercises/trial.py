"""The one place where a learner's code runs: nothing that it raises gets out, and time and prints have a limit."""

import builtins
import contextlib
import copy
import ctypes
import inspect
import io
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from unittest.mock import patch

from mlops_lesson.teaching.exercises.exercise import Exercise

SECONDS = 10
"""How long a check may take."""

MOST_VALUES = 10_000
"""How many values of a generator are taken."""

LONGEST_PRINT = 2_000
"""How many characters of what is printed are shown."""

OTHER_PYTHON = """
import pickle, sys
answer, calls = pickle.load(sys.stdin.buffer)
given = pickle.dumps([answer(*call) for call in calls])
sys.__stdout__.buffer.write(b"\\0given\\0" + given)
"""


class CrashError(Exception):
    """The learner's function raised, or gave values without an end."""

    def __init__(self, error: BaseException):
        super().__init__(str(error))
        self.error = error


class StopError(BaseException):
    """Thrown into code that takes too long."""


def _no_input(*_prompt: object) -> str:
    raise RuntimeError("a check has no keyboard; work with the arguments")


class _Prints(io.TextIOBase):
    """Takes what is printed, and saves the beginning."""

    def __init__(self) -> None:
        self.text, self.lines = "", 0

    def write(self, text: str) -> int:
        self.text += text[: LONGEST_PRINT - len(self.text)]
        self.lines += text.count("\n")
        return len(text)


def quietly(ask: Callable[..., Any], *values: Any, otherwise: Any = False) -> Any:
    """Ask something about a learner's values, which may raise whatever they like; then the answer is `otherwise`."""
    try:
        return ask(*values)
    except StopError:
        raise
    except BaseException:
        return otherwise


@dataclass
class Trial:
    """A learner's function on trial; `now` is the situation that it is in, in words, with these arguments."""

    exercise: Exercise
    answer: Callable[..., Any]
    now: str = ""
    arguments: tuple[Any, ...] = ()
    is_away: bool = False
    prints: _Prints = field(default_factory=_Prints)

    def __call__(self, *arguments: Any) -> Any:
        """Run the function on copies of the arguments; values that come one at a time are taken once, as a list."""
        try:
            given = self.answer(*copy.deepcopy(arguments))
            if not isinstance(given, Iterator):
                return given
            values = list(islice(given, MOST_VALUES + 1))
        except StopError:
            raise
        except BaseException as error:
            raise CrashError(error) from error
        if len(values) > MOST_VALUES:
            raise CrashError(RuntimeError(f"it goes on giving values after {MOST_VALUES:,} of them"))
        return values

    def elsewhere(self, *calls: tuple[Any, ...]) -> list[Any]:
        """Run the function in a second Python with other hashes; an empty list if it cannot be taken there."""
        import cloudpickle

        self.is_away = True

        def ask() -> list[Any]:
            done = subprocess.run(  # noqa: S603 - the course's own few lines
                [sys.executable, "-c", OTHER_PYTHON],
                input=cloudpickle.dumps((self.answer, calls)),
                capture_output=True,
                timeout=SECONDS,
                env=os.environ | {"PYTHONHASHSEED": "random", "PYTHONPATH": os.pathsep.join(sys.path)},
            )
            return pickle.loads(done.stdout.rpartition(b"\0given\0")[2])  # noqa: S301 - written by the lines above

        return quietly(ask, otherwise=[])

    def takes_its_arguments(self) -> bool:
        """Tell whether the function can be called with so many arguments."""
        try:
            inspect.signature(self.answer).bind(*self.arguments)
        except (TypeError, ValueError) as error:
            # A function that is written in C may have no signature that can be read, which is a ValueError.
            return isinstance(error, ValueError)
        return True

    def run(self, task: Callable[[], Any]) -> Any:
        """Run the task in a thread that can be left alone; `TimeoutError` if it does not end."""
        found: list[Any] = []

        def work() -> None:
            try:
                found.append(task())
            except BaseException as error:
                found.append(CrashError(error))

        thread = threading.Thread(target=work, daemon=True)
        with self._caught():
            thread.start()
            with contextlib.suppress(KeyboardInterrupt):
                thread.join(SECONDS)
                # A second Python needs its time to start, which is not the learner's.
                thread.join(SECONDS * self.is_away)
            if late := thread.is_alive():
                self._stop(thread)
        if late:
            raise TimeoutError
        if isinstance(found[0], CrashError):
            raise found[0]
        return found[0]

    def _stop(self, thread: threading.Thread) -> None:
        for _ in range(20):
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(StopError))
            thread.join(0.05)

    @contextlib.contextmanager
    def _caught(self) -> Iterator[None]:
        """Catch prints, displays, figures, questions, and calls of `exit()`, which would end the kernel."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(patch.object(builtins, "input", _no_input))
            if plots := sys.modules.get("matplotlib.pyplot"):
                before = plots.get_fignums()
                stack.callback(lambda: [plots.close(number) for number in {*plots.get_fignums()} - {*before}])
            if "IPython" in sys.modules and (shell := sys.modules["IPython"].get_ipython()):
                from IPython.utils.capture import capture_output

                stack.enter_context(capture_output())
                vars(shell)["ask_exit"] = lambda: sys.exit()
                stack.callback(vars(shell).pop, "ask_exit")
            stack.enter_context(contextlib.redirect_stdout(self.prints))
            stack.enter_context(contextlib.redirect_stderr(self.prints))
            yield
