"""The notebooks in a real JupyterLab: one is run and used, of the others the stored outputs are looked at."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from real_lab import COURSE, THEMES, Lab, LabServer

from mlops_lesson.teaching import progress

NOTEBOOKS = sorted((COURSE / "notebooks").glob("*.ipynb"))
RUN_BY_MAKE_TEST = NOTEBOOKS[0]
LONGEST = 400
# JupyterLab's own complaint about a notebook that may not start a kernel.
WITHOUT_A_KERNEL = "Cannot read properties of null (reading 'kernel')"


def unfold_everything(lab: Lab) -> None:
    lab.page.evaluate("() => document.querySelectorAll('.jp-Notebook details').forEach(each => { each.open = true; })")


def answer_every_question(lab: Lab) -> int:
    """Answer the first question by keyboard and the others by mouse, in each quiz; return their number."""
    boxes = lab.page.locator("[data-mlops-quiz] fieldset:has(> button)")
    for place in range(boxes.count()):
        box = boxes.nth(place)
        choice, button = (
            box.locator(":scope > label input, :scope > ol button"),
            box.get_by_role("button", name="Check"),
        )
        if place == 0:
            choice.first.focus()
            lab.page.keyboard.press("Space")
            button.focus()
            lab.page.keyboard.press("Enter")
        else:
            # Of an ordering this is the button that moves the first item down.
            choice.nth(1).click()
            button.click()
        expect(box.get_by_role("status").first).not_to_be_empty()
    return boxes.count()


def move_the_explorer(lab: Lab) -> None:
    """Change the first control of the explorer by keyboard until its answer is another."""
    explorer = lab.page.locator(".jp-Cell:has(.mlops-explorer-result)").first
    answer = explorer.locator(".mlops-explorer-result").first
    before = answer.inner_text()
    for control in explorer.locator("[role=slider], input[type=checkbox], select, input[type=radio]").all():
        control.focus()
        slides = control.evaluate("e => e.matches('[role=slider], select, [type=radio]')")
        lab.page.keyboard.press("ArrowRight" if slides else "Space")
    for button in explorer.locator(".jupyter-button").all():
        button.focus()
        lab.page.keyboard.press("Enter")
    expect(answer).not_to_have_text(before)


def what_is_wrong(lab: Lab) -> list[str]:
    """Audit what is shown in each theme, press stray keys on the controls, and look for pictures without words."""
    found = []
    for theme in THEMES:
        lab.theme(theme)
        # What is not about colours is the same in all themes.
        audit = lab.axe_outputs(only_contrast=theme != "light")
        assert audit["contrastChecked"] > 100, theme
        found += [f"{theme}: {violation}" for violation in audit["violations"]]
    lab.theme("light")
    found += lab.press_stray_keys(lab.controls(one_of_each=True))
    return found + lab.page.evaluate("() => realLab.imagesWithoutAlt()")


def run_and_use(lab: Lab, path: object) -> None:
    lab.open(lab.copy_notebook(path))
    lab.run_all(timeout=LONGEST)
    assert lab.errors() == []
    move_the_explorer(lab)
    assert answer_every_question(lab) >= 6
    expect(lab.page.get_by_text("Saved in this browser and in").first).to_be_visible()
    unfold_everything(lab)
    assert what_is_wrong(lab) == []
    assert lab.requests_elsewhere == []
    assert lab.page_errors == []
    assert {address for address, _ in lab.server.listening()} <= {"127.0.0.1", "::1"}


def test_a_notebook_is_run_its_explorer_moved_its_quiz_answered_and_everyone_can_use_it(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_and_use(lab, RUN_BY_MAKE_TEST)
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(lab.server.home))
    assert len(progress.read().answers_of(1)) >= 6


@pytest.mark.nightly
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_notebook_is_run_and_used(lab: Lab, path: object) -> None:
    run_and_use(lab, path)


@pytest.fixture(scope="module")
def reader(lab_server: LabServer, chromium: Browser) -> Iterator[Lab]:
    """One page in which a notebook after the other is looked at."""
    page = Lab(lab_server, chromium)
    yield page
    page.close()


@pytest.mark.parametrize("path", NOTEBOOKS[1:], ids=lambda path: path.stem)
def test_stored_outputs_can_be_used_by_everyone(reader: Lab, path: object) -> None:
    reader.open(reader.copy_notebook(path, trusted=True), kernel=False)
    reader.settle()
    unfold_everything(reader)
    assert what_is_wrong(reader) == []
    assert reader.requests_elsewhere == []
    assert [error for error in reader.page_errors if error != WITHOUT_A_KERNEL] == []
    reader.close_notebook()
