"""Let nbval compare the pictures of a cell too, once their words agree."""

from collections.abc import Callable

import pytest
from pictures import first_difference


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.path.suffix == ".ipynb":
        item.compare_outputs = _with_pictures(item)


def _with_pictures(cell: pytest.Item) -> Callable[..., bool]:
    words_agree = cell.compare_outputs

    def compare(drawn: list, stored: list, *options: object) -> bool:
        if not words_agree(drawn, stored, *options):
            return False
        difference = first_difference(stored, drawn)
        cell.comparison_traceback += [difference] * bool(difference)
        return not difference

    return compare
