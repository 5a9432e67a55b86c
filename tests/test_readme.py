"""The README tells the truth: its generated parts are current, and what it points to is there."""

import re
from pathlib import Path

import pytest
import readme

from mlops_lesson.stages import STAGES, Stage

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_generated_parts_are_current() -> None:
    assert readme.with_generated_parts(PAGE) == PAGE, "run `make readme`"


def test_a_changed_grid_would_be_noticed() -> None:
    changed = PAGE.replace("01_data_collection.ipynb#Learn", "01_data_collection.ipynb#Deep")
    assert changed != PAGE
    assert readme.with_generated_parts(changed) != changed


def test_a_lost_marker_is_named() -> None:
    with pytest.raises(ValueError, match="begin generated: grid"):
        readme.with_generated_parts(PAGE.replace("<!-- begin generated: grid -->", ""))


def test_the_binder_link_opens_the_first_notebook_of_the_configured_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readme, "repository", lambda: "someone/course")
    assert "(https://mybinder.org/v2/gh/someone/course/HEAD?urlpath=lab%2Ftree%2Fnotebooks%2F01_" in readme.binder()


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.slug)
def test_every_notebook_can_be_opened_in_binder_directly(stage: Stage) -> None:
    assert f"[{stage.number} {stage.name}]({readme.binder_link(f'notebooks/{stage.notebook}')})" in PAGE


def test_every_file_and_folder_it_points_to_is_there() -> None:
    targets = re.findall(r"(?:\]\(|src=\")(?!https?:)([^)#\"]+)", PAGE) + re.findall(
        r"^\| `([a-z_]+/)` \|", PAGE, re.MULTILINE
    )
    assert len(targets) > 54
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_the_make_targets_it_names_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"make ([a-z]+)", PAGE))
    assert {"lab", "test", "notebooks"} <= named
    assert named <= targets | {"JupyterLab"}
