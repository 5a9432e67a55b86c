"""Quiz, panel and exercises in a real JupyterLab, from the learner's first click to a lost kernel."""

import os
import subprocess
import sys

import pytest
from playwright.sync_api import expect
from real_lab import Lab

from mlops_lesson.teaching import progress
from mlops_lesson.teaching.quiz import flashcards, quiz

pytestmark = pytest.mark.nightly

QUIZ, PANEL = 1, 2
RIGHT = "C. Parcels without a click"
WRONG = "A. Nothing: a join"
RESET = "from mlops_lesson.teaching import progress; progress.reset(1)"


@pytest.fixture
def cells(home):
    return [
        f"import os\nos.environ['MLOPS_LESSON_HOME'] = {str(home)!r}",
        "from mlops_lesson.teaching.quiz import quiz, flashcards\nquiz(1)",
        "from mlops_lesson.teaching.panel import progress_panel\nprogress_panel(1)",
    ]


@pytest.fixture
def notebook(lab, cells):
    """A notebook with quiz and panel, open and run."""
    name = lab.write_notebook("quiz.ipynb", *cells)
    lab.open(name)
    lab.run_all()
    return name


def answer(lab, option):
    lab.output(QUIZ).get_by_role("radio", name=option).check()
    lab.output(QUIZ).get_by_role("button", name="Check answer").first.click()


def feedback(lab):
    return lab.output(QUIZ).get_by_role("status").first


def saved_choice(lab):
    expect(lab.output(QUIZ).get_by_text("Saved in this browser and in")).to_be_visible()
    return progress.read().answers_of(1)["join-drops-parcels"].choice


def test_an_answer_and_a_ticked_part_reach_the_file_and_a_reset_is_kept_today_and_the_day_after(lab, notebook):
    answer(lab, WRONG)
    expect(feedback(lab)).to_contain_text("Misconception: a join never changes the rows")
    assert saved_choice(lab) == ["A"]
    expect(feedback(lab)).not_to_contain_text("earlier")
    panel = lab.output(PANEL)
    panel.get_by_role("checkbox", name="Visualize").check()
    panel.get_by_text("Progress by stage and by way to learn").click()
    expect(panel.get_by_role("row", name="Visualize 1 of 6")).to_be_visible()
    assert progress.read().parts_of(1) == ("visualize",)
    lab.run_cell(QUIZ)
    expect(feedback(lab)).to_contain_text("Your earlier answer.")
    lab.page.evaluate("code => realLab.execute(code)", RESET)
    expect(feedback(lab)).to_be_empty()
    expect(lab.output(QUIZ).get_by_role("radio", name=WRONG)).not_to_be_checked()
    answer(lab, WRONG)
    assert saved_choice(lab) == ["A"]
    lab.save()
    lab.shutdown_kernel()
    subprocess.run([sys.executable, "-c", RESET], env=os.environ, check=True)
    lab.load()
    lab.open(notebook)
    lab.run_all()
    expect(lab.output(QUIZ).get_by_text("Answered: 0 of 6.")).to_be_visible()
    assert progress.read().answers == {}


def test_a_kernel_that_does_not_answer_is_said_and_a_quiz_is_answered_by_keyboard_alone(lab, notebook):
    lab.page.evaluate("() => realLab.occupyKernel()")
    answer(lab, WRONG)
    expect(lab.output(QUIZ).get_by_text("The kernel does not answer.")).to_be_visible()
    lab.page.evaluate("() => realLab.interrupt()")
    assert saved_choice(lab) == ["A"]
    before = lab.sources()
    lab.output(QUIZ).get_by_role("radio", name=WRONG).focus()
    for key in ("ArrowDown", "ArrowDown", "Tab", "Enter"):
        lab.page.keyboard.press(key)
    expect(feedback(lab)).to_contain_text("Right.")
    assert saved_choice(lab) == ["C"]
    assert lab.sources() == before


def test_one_learner_in_two_browsers_has_one_history_and_both_pages_show_it(lab, notebook, chromium):
    other = Lab(lab.server, chromium)
    try:
        other.open(notebook)
        other.run_all()
        answer(lab, WRONG)
        assert saved_choice(lab) == ["A"]
        answer(other, RIGHT)
        assert saved_choice(other) == ["C"]
        expect(other.output(QUIZ).get_by_text("Right at the first try: 0. Right by now: 1.")).to_be_visible()
        lab.run_cell(PANEL)
        expect(feedback(lab)).to_contain_text("Right.")
    finally:
        other.close()


def test_without_a_kernel_the_quiz_works_the_panel_says_what_to_do_and_the_next_kernels_panel_collects(lab, notebook):
    lab.page.evaluate("() => window.jupyterapp.commands.execute('notebook:create-output-view')")
    view = lab.page.locator(".jp-LinkedOutputView")
    expect(view.get_by_role("checkbox", name="Visualize")).to_be_visible()
    expect(view.get_by_text("Run this cell to connect")).to_be_hidden()
    lab.page.evaluate("() => window.jupyterapp.shell.currentWidget.dispose()")
    lab.save()
    lab.shutdown_kernel()
    lab.load()
    lab.open(notebook, kernel=False)
    answer(lab, WRONG)
    expect(lab.output(QUIZ).get_by_text("Run the cell of the progress panel")).to_be_visible()
    assert progress.read().answers == {}
    lab.load()
    lab.open(notebook)
    expect(lab.output(PANEL).get_by_text("Error displaying widget")).to_be_hidden()
    expect(lab.page.get_by_text("Run this cell to connect it to your kernel.")).to_be_visible()
    expect(feedback(lab)).to_contain_text("Your earlier answer.")
    lab.run_all()
    expect(feedback(lab)).to_contain_text("Your earlier answer.")
    answer(lab, RIGHT)
    assert saved_choice(lab) == ["C"]
    given = progress.read().answers_of(1)["join-drops-parcels"]
    assert (given.attempts, given.first_right) == (2, False)


def test_an_untrusted_copy_is_a_readable_list_and_runs_nothing(lab):
    stored = [{"text/html": shown._repr_html_(), "text/plain": repr(shown)} for shown in (quiz(1), flashcards(1))]
    name = lab.write_notebook("untrusted.ipynb", "quiz(1)", "flashcards(1)", outputs={0: stored[:1], 1: stored[1:]})
    lab.open(name, kernel=False)
    output = lab.output(0)
    expect(output.get_by_role("button", name="Check answer")).to_have_count(0)
    output.get_by_text("A. Nothing: a join only adds columns.").click()
    expect(output.get_by_text("Columns are added, and rows can vanish or multiply.")).to_be_visible()
    assert lab.axe_outputs()["violations"] == []


EXPLORER = """
import ipywidgets
from mlops_lesson.show.explorer import Answer, Explorer
controls = {
    "epochs": ipywidgets.IntSlider(value=3, min=1, max=30, description="Epochs"),
    "window": ipywidgets.SelectionSlider(options=[75, 150, 300], description="Window"),
    "clean": ipywidgets.Checkbox(description="Remove duplicates"),
    "source": ipywidgets.RadioButtons(options=["history", "live"], description="Source"),
}
Explorer("Epochs", controls, lambda epochs, **_: Answer(f"{epochs} epochs"))
"""


def test_the_controls_of_an_explorer_have_names_and_keep_their_keys(lab):
    lab.open(lab.write_notebook("explorer.ipynb", EXPLORER))
    lab.run_all()
    page = lab.page
    for role, name in [
        ("slider", "Epochs"),
        ("slider", "Window"),
        ("group", "Epochs"),
        ("radiogroup", "Source"),
        ("checkbox", "Remove duplicates"),
    ]:
        expect(page.get_by_role(role, name=name, exact=True)).to_be_visible()
    page.get_by_role("slider", name="Epochs").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".mlops-explorer-result[role=status]")).to_contain_text("4 epochs")
    assert lab.press_stray_keys(lab.controls()) == []
    # The same check finds the key that is taken away where the guard is undone.
    page.evaluate(
        "() => document.addEventListener('focusin', e => e.target.removeAttribute('data-lm-suppress-shortcuts'), true)"
    )
    assert lab.press_stray_keys(lab.controls(one_of_each=True)[:1], ["j"]) != []


def test_a_choice_in_one_notebooks_explorer_leaves_that_of_another_open_notebook(lab):
    for name in ("one.ipynb", "two.ipynb"):
        lab.open(lab.write_notebook(name, EXPLORER))
        lab.run_all()
    lab.output(0).get_by_role("radio", name="live").check()
    chosen = lab.page.locator(".widget-radio-box input:checked")
    expect(chosen).to_have_count(2)


def test_the_chooser_leads_to_a_part_of_another_notebook_and_says_where_there_is_none(lab):
    filling = "\n\n".join(["words"] * 60)
    lab.write_notebook(
        "02_data_preprocessing.ipynb", *[f"# x\n\n## {part}\n\n{filling}" for part in ("Why", "Learn", "Try")]
    )
    lab.open(lab.write_notebook("start.ipynb", "from mlops_lesson.teaching.chooser import chooser\nchooser()"))
    lab.run_all()
    lab.output(0).locator("summary").nth(1).click()
    lab.output(0).get_by_role("link", name="Learn in 3 Model Training").click()
    expect(lab.output(0).get_by_role("status")).to_contain_text("There is no 03_model_training.ipynb beside this")
    lab.output(0).get_by_role("link", name="Learn in 2 Data Preprocessing").click()
    expect(lab.page.get_by_role("heading", name="Learn")).to_be_in_viewport()
