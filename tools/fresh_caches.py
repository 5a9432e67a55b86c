"""A plugin of pytest for ``make mutation``: what the course and its tests keep in caches is computed anew.

mutmut tries each change in a fork of a process that has run the tests before, unchanged; without this plugin a changed
function whose result was kept would never be called.
"""

import functools
import sys

OURS = ("mlops_lesson", "course_models", "live_depot")


def pytest_sessionstart() -> None:
    """Empty the caches that the fork inherits."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in OURS:
            for kept in vars(module).values():
                if isinstance(kept, functools._lru_cache_wrapper):
                    kept.cache_clear()
