"""Every notebook of the course in a real JupyterLab: it runs, everyone can use it, and stray keys do no harm."""

import pytest
from real_lab import COURSE, THEMES

NOTEBOOKS = sorted((COURSE / "notebooks").glob("*.ipynb"))


def unfold_everything(lab):
    lab.page.evaluate("() => document.querySelectorAll('.jp-Notebook details').forEach(each => { each.open = true; })")


def answer_every_question(lab):
    boxes = lab.page.locator("[data-mlops-quiz] fieldset:has(> button)")
    for place in range(boxes.count()):
        box = boxes.nth(place)
        box.locator(":scope > label input, :scope > ol button").first.click()
        box.get_by_role("button", name="Check answer").click()
    return boxes.count()


@pytest.fixture
def run_notebook(lab, request):
    """Run the notebook named by the parameter from its first cell to its last."""
    lab.open(lab.copy_notebook(request.param))
    lab.run_all(timeout=400)
    yield lab
    lab.theme("light")


@pytest.mark.parametrize("run_notebook", NOTEBOOKS, ids=lambda path: path.stem, indirect=True)
def test_a_notebook_runs_and_everyone_can_use_it(run_notebook):
    lab = run_notebook
    assert lab.errors() == []
    # Quizzes that wait for an answer meet the other themes in test_quiz_lab.py.
    problems = [f"before answering: {violation}" for violation in lab.axe_outputs()["violations"]]
    assert answer_every_question(lab) >= 6
    unfold_everything(lab)
    for theme in THEMES:
        lab.theme(theme)
        audit = lab.axe_outputs()
        assert audit["contrastChecked"] > 100, theme
        problems += [f"{theme}, after answering: {violation}" for violation in audit["violations"]]
    controls = lab.controls(one_of_each=True)
    assert len(controls) > 10
    problems += lab.press_stray_keys(controls)
    problems += lab.page.evaluate("() => realLab.imagesWithoutAlt()")
    assert not problems, "\n".join(problems)
    assert lab.requests_elsewhere == []
    assert lab.page_errors == []
