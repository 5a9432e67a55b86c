"""The benchmark of the quizzes finds both in the page."""

import measures


def test_both_quizzes_are_timed_on_one_page(lab):
    figures = measures.quiz_in(lab, times=1)
    assert len(figures) == 4
    assert all(row.value > 0 for row in figures)
