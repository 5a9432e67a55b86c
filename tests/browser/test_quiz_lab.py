"""Quiz, panel and exercises in a real JupyterLab, from the learner's first click to a lost kernel."""

import json
import os
import sqlite3
import subprocess
import sys

import pytest
from playwright.sync_api import expect
from real_lab import STRAY_KEYS, THEMES, Lab

from mlops_lesson.teaching.quiz import flashcards, quiz

QUIZ, PANEL = 1, 2
RIGHT = "C. Parcels without a click"
WRONG = "A. Nothing: a join"


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def notebook(lab, home):
    return lab.write_notebook(
        "quiz.ipynb",
        f"import os\nos.environ['MLOPS_LESSON_HOME'] = {str(home)!r}",
        "from mlops_lesson.teaching.quiz import quiz, flashcards\nquiz(1)",
        "from mlops_lesson.teaching.panel import progress_panel\nprogress_panel(1)",
    )


def answer(lab, option):
    lab.output(QUIZ).get_by_role("radio", name=option).check()
    lab.output(QUIZ).get_by_role("button", name="Check answer").first.click()


def feedback(lab):
    return lab.output(QUIZ).get_by_role("status").first


@pytest.fixture
def on_disk(monkeypatch, home):
    """Return a function that reads what is in the progress file of the learner in the browser."""
    monkeypatch.setenv("MLOPS_LESSON_HOME", str(home))
    return progress.read


def saved_choice(lab, on_disk):
    expect(lab.output(QUIZ).get_by_text("Saved in this browser and in")).to_be_visible()
    return on_disk().answer(1, "join-drops-parcels").choice


def in_a_shell(home, code):
    environment = os.environ | {"MLOPS_LESSON_HOME": str(home)}
    code = f"from mlops_lesson.teaching import progress; {code}"
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


def test_an_answer_by_mouse_and_a_ticked_part_reach_the_progress_file(lab, notebook, home):
    lab.open(notebook)
    lab.run_all()
    answer(lab, WRONG)
    expect(feedback(lab)).to_contain_text("Misconception: a join never changes the rows")
    assert saved_on_disk(lab, home) == ["A"]
    panel = lab.output(PANEL)
    panel.get_by_role("checkbox", name="Visualize").check()
    panel.get_by_text("Progress by stage and by way to learn").click()
    expect(panel.get_by_role("row", name="Visualize 1 of 6")).to_be_visible()
    assert count(home, "parts") == 1
    lab.run_cell(QUIZ)
    expect(feedback(lab)).to_contain_text("Your earlier answer.")


def test_a_quiz_is_answered_by_keyboard_alone_and_the_notebook_stays_as_it_was(lab, notebook, home):
    lab.open(notebook)
    lab.run_all()
    before = lab.sources()
    lab.output(QUIZ).get_by_role("radio", name=WRONG).focus()
    for key in ("Space", "ArrowDown", "ArrowDown", "Tab", "Tab", "Enter"):
        lab.page.keyboard.press(key)
    expect(feedback(lab)).to_contain_text("Right.")
    assert saved_on_disk(lab, home) == ["C"]
    assert lab.sources() == before


def test_one_learner_in_two_browsers_has_one_history_and_both_pages_show_it(lab, notebook, home, chromium):
    lab.open(notebook)
    lab.run_all()
    other = Lab(lab.server, chromium)
    try:
        other.open(notebook)
        other.run_all()
        answer(lab, WRONG)
        assert saved_on_disk(lab, home) == ["A"]
        answer(other, RIGHT)
        assert saved_on_disk(other, home) == ["C"]
        expect(other.output(QUIZ).get_by_text("Right at the first try: 0. Right by now: 1.")).to_be_visible()
        lab.run_cell(PANEL)
        expect(feedback(lab)).to_contain_text("Right.")
    finally:
        other.close()


def test_without_a_kernel_the_quiz_works_and_the_next_kernels_panel_collects(lab, notebook, home):
    lab.open(notebook)
    lab.run_all()
    lab.save()
    lab.shutdown_kernel()
    lab.load()
    lab.open(notebook, kernel=False)
    answer(lab, WRONG)
    expect(lab.output(QUIZ).get_by_text("Run the cell of the progress panel")).to_be_visible()
    assert count(home, "answers") == 0
    lab.load()
    lab.open(notebook)
    expect(feedback(lab)).to_contain_text("Your earlier answer.")
    lab.run_all()
    expect(feedback(lab)).to_contain_text("Your earlier answer.")
    answer(lab, RIGHT)
    assert saved_on_disk(lab, home) == ["C"]
    with sqlite3.connect(home / "progress.db") as saved:
        assert saved.execute("SELECT attempts, first_right FROM answers").fetchall() == [(2, 0)]
    saved.close()


def test_a_kernel_that_does_not_answer_is_said_and_the_answer_is_handed_over_later(lab, notebook, home):
    lab.open(notebook)
    lab.run_all()
    lab.page.evaluate("() => realLab.occupyKernel()")
    answer(lab, WRONG)
    expect(lab.output(QUIZ).get_by_text("The kernel does not answer.")).to_be_visible()
    lab.page.evaluate("() => realLab.interrupt()")
    assert saved_on_disk(lab, home) == ["A"]


def test_a_reset_in_a_shell_brings_nothing_back_the_day_after(lab, notebook, home):
    lab.open(notebook)
    lab.run_all()
    answer(lab, WRONG)
    saved_on_disk(lab, home)
    lab.save()
    lab.shutdown_kernel()
    in_a_shell(home, "progress.reset(1)")
    lab.load()
    lab.open(notebook)
    lab.run_all()
    expect(lab.output(QUIZ).get_by_text("Answered: 0 of 6.")).to_be_visible()
    assert count(home, "answers") == 0


def test_a_reset_empties_the_open_page(lab, notebook, home):
    lab.open(notebook)
    lab.run_all()
    answer(lab, WRONG)
    saved_on_disk(lab, home)
    lab.page.evaluate("code => realLab.execute(code)", "from mlops_lesson.teaching import progress; progress.reset(1)")
    expect(feedback(lab)).to_be_empty()
    expect(lab.output(QUIZ).get_by_role("radio", name=WRONG)).not_to_be_checked()


def test_an_untrusted_copy_is_a_readable_list_and_runs_nothing(lab):
    stored = [{"text/html": shown._repr_html_(), "text/plain": repr(shown)} for shown in (quiz(1), flashcards(1))]
    name = lab.write_notebook("untrusted.ipynb", "quiz(1)", "flashcards(1)", outputs={0: stored[:1], 1: stored[1:]})
    lab.open(name, kernel=False)
    output = lab.output(0)
    expect(output.get_by_role("button", name="Check answer")).to_have_count(0)
    output.get_by_text("A. Nothing: a join only adds columns.").click()
    expect(output.get_by_text("Columns are added, and rows can vanish or multiply.")).to_be_visible()
    audit = lab.axe_outputs()
    assert audit["violations"] == []
    assert audit["contrastChecked"] > 20


def test_a_panel_whose_kernel_is_gone_says_what_to_do_and_shows_no_error(lab, notebook):
    lab.open(notebook)
    lab.run_all()
    note = lab.page.get_by_text("Run this cell to connect it to your kernel.")
    lab.run_cell(PANEL)
    lab.page.evaluate("() => window.jupyterapp.commands.execute('notebook:create-output-view')")
    view = lab.page.locator(".jp-LinkedOutputView")
    expect(view.get_by_role("checkbox", name="Visualize")).to_be_visible()
    expect(view.get_by_text("Run this cell to connect")).to_be_hidden()
    lab.page.evaluate("() => window.jupyterapp.shell.currentWidget.dispose()")
    lab.save()
    lab.shutdown_kernel()
    lab.load()
    lab.open(notebook)
    expect(lab.output(PANEL).get_by_text("Error displaying widget")).to_be_hidden()
    expect(note).to_be_visible()


@pytest.fixture
def everything(lab, notebook, home):
    """A notebook with every kind of output of this part of the course, all of it answered and unfolded."""
    name = lab.write_notebook(
        "everything.ipynb",
        f"import os\nos.environ['MLOPS_LESSON_HOME'] = {str(home)!r}",
        "from mlops_lesson.teaching.quiz import quiz, flashcards\nquiz(1)",
        "from mlops_lesson.teaching.panel import progress_panel\nprogress_panel(1)",
        "flashcards(1)",
        "from mlops_lesson.teaching.chooser import chooser\nchooser()",
        "from mlops_lesson.teaching.exercises.check import check\ncheck('1.1', lambda parcels, clicks: 1 / 0)",
        EXPLORER,
        SCROLLED_TABLE,
        "# Notes\n\n<details><summary>More</summary>\n\nA [link](quiz.ipynb).\n\n</details>",
    )
    lab.open(name)
    lab.run_all()
    assert lab.errors() == []
    return lab


SCROLLED_TABLE = "from IPython.display import HTML\nHTML('<div role=group aria-label=Table tabindex=0>1</div>')"
EXPLORER = """
import ipywidgets
from mlops_lesson.show.explorer import Answer, Explorer
controls = {
    "epochs": ipywidgets.IntSlider(value=3, min=1, max=30, description="Epochs"),
    "rate": ipywidgets.FloatLogSlider(value=0.08, min=-3, max=1, description="Learning rate"),
    "weeks": ipywidgets.IntRangeSlider(value=(2, 5), max=10, description="Weeks"),
    "window": ipywidgets.SelectionSlider(options=[75, 150, 300], description="Window"),
    "clean": ipywidgets.Checkbox(description="Remove duplicates"),
    "monitor": ipywidgets.ToggleButtons(options=["brightness", "scores"], description="Monitor"),
    "control": ipywidgets.ToggleButton(description="Control stream"),
    "source": ipywidgets.RadioButtons(options=["history", "live"], description="Source"),
    "again": ipywidgets.Button(description="Run again", button_style="success"),
}
Explorer("Epochs and learning rate", controls, lambda epochs, **_: Answer(f"{epochs} epochs"))
"""


def answer_everything(lab):
    for box in lab.page.locator(".mlops-lesson fieldset:has(> button)").all():
        inputs = box.locator(":scope > label input, :scope > ol button")
        inputs.first.click() if inputs.count() else None
        box.get_by_role("button", name="Check answer").click()


@pytest.mark.parametrize("theme", THEMES)
def test_nothing_displayed_breaks_wcag_before_and_after_answering(everything, theme):
    lab = everything
    lab.theme(theme)
    try:
        before = lab.axe_outputs()
        answer_everything(lab)
        lab.page.evaluate(
            "() => document.querySelectorAll('.jp-Notebook details').forEach(each => { each.open = true; })"
        )
        after = lab.axe_outputs()
    finally:
        lab.theme("light")
    assert before["violations"] + after["violations"] == []
    assert before["contrastChecked"] > 100
    assert after["contrastChecked"] > before["contrastChecked"]


def test_stray_keys_on_every_control_change_nothing_in_the_notebook(everything):
    controls = everything.controls()
    assert len(controls) > 80
    assert everything.press_stray_keys(controls) == []


def test_the_check_for_stray_keys_finds_an_unguarded_control(lab):
    name = lab.write_notebook(
        "unguarded.ipynb", "from IPython.display import HTML\nHTML('<label><input type=radio> unguarded</label>')"
    )
    lab.open(name)
    lab.run_all()
    assert lab.press_stray_keys(lab.controls(), ["a"]) != []


def test_sliders_radios_and_groups_of_an_explorer_have_names(everything):
    output = everything.page
    for role, name in [
        ("slider", "Epochs"),
        ("slider", "Weeks, from"),
        ("slider", "Weeks, to"),
        ("slider", "Window"),
        ("group", "Epochs and learning rate"),
        ("radiogroup", "Source"),
        ("checkbox", "Remove duplicates"),
        ("button", "Control stream"),
    ]:
        expect(output.get_by_role(role, name=name, exact=True)).to_be_visible()


def test_a_slider_moves_by_arrow_key_and_the_result_is_announced(everything):
    slider = everything.page.get_by_role("slider", name="Epochs")
    slider.focus()
    everything.page.keyboard.press("ArrowRight")
    result = everything.page.locator(".mlops-explorer-result[role=status]")
    expect(result).to_contain_text("4 epochs")


def test_the_chooser_leads_to_the_part_of_another_notebook_that_was_not_open_yet(lab):
    filling = "\n\n".join(["words"] * 60)
    lab.write_notebook(
        "02_data_preprocessing.ipynb", *[f"# x\n\n## {part}\n\n{filling}" for part in ("Why", "Learn", "Try")]
    )
    name = lab.write_notebook("start.ipynb", "from mlops_lesson.teaching.chooser import chooser\nchooser()")
    lab.open(name)
    lab.run_all()
    lab.output(0).locator("summary").nth(1).click()
    lab.output(0).get_by_role("link", name="Learn in 2 Data Preprocessing").click()
    expect(lab.page.get_by_role("heading", name="Learn")).to_be_in_viewport()


def test_a_link_of_the_chooser_to_a_notebook_that_is_not_there_says_so(lab):
    (lab.server.root / "elsewhere").mkdir(exist_ok=True)
    code = "from mlops_lesson.teaching.chooser import chooser\nchooser()"
    lab.open(lab.write_notebook("elsewhere/copy.ipynb", code))
    lab.run_all()
    lab.output(0).locator("summary").nth(1).click()
    lab.output(0).get_by_role("link", name="Learn in 3 Model Training").click()
    expect(lab.output(0).get_by_role("status")).to_contain_text("There is no 03_model_training.ipynb beside this")


def test_nothing_is_fetched_from_elsewhere_and_no_script_fails(everything):
    assert everything.requests_elsewhere == []
    assert everything.page_errors == []


def test_jupyterlab_and_its_kernel_are_reached_from_this_machine_alone(everything):
    places = everything.server.listening()
    assert len(places) >= 2
    assert {address for address, _ in places} <= {"127.0.0.1", "::1"}


def test_every_key_of_the_guard_is_tried():
    assert {"x", "a", "b", "m", "j", "k", " ", "Enter", "Escape", "ArrowDown", "ArrowUp"} <= set(STRAY_KEYS)
