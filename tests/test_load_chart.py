import numpy as np
import pytest

from mlops_lesson.deployment.load_test import LoadRun, plot_latencies


def run(name, milliseconds):
    return LoadRun(name, 1, np.array(milliseconds, dtype=float), 0, 1.0)


def test_the_chart_says_in_words_what_each_run_measured():
    shown = plot_latencies([run("bare prediction", [0.2] * 99 + [8.0]), run("1 client", range(1, 101))])
    assert "from 0.2 to 1e+02 ms" in shown.alt
    assert "bare prediction: p50 0.2 ms, p99 0.28 ms." in shown.alt
    assert "1 client: p50 50 ms, p99 99 ms." in shown.alt


def test_the_axes_say_what_they_measure(monkeypatch):
    figures = []
    monkeypatch.setattr("mlops_lesson.show.figures.show", lambda figure, alt, caption: figures.append(figure))
    monkeypatch.setattr(
        "mlops_lesson.deployment.load_test.show", lambda figure, alt, caption: figures.append(figure), raising=False
    )
    plot_latencies([run("1 client", [2.0, 2.0, 9.0])])
    (axis,) = figures[0].axes
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("milliseconds, logarithmic", "share of the requests")
    assert axis.get_xscale() == "log"


def test_the_title_gives_half_of_the_requests_for_each_run():
    shown = plot_latencies([run("1 client", [2.0, 2.0, 9.0]), run("8 clients", [5.0])])
    assert shown.caption == "Half of the requests took at most 2 ms (1 client), 5 ms (8 clients)"


@pytest.mark.parametrize(
    ("runs", "got"),
    [
        ([], "no run"),
        ([run("1 client", [1.0, 2.0]), run("none", [])], "1 client with 2, none with 0"),
        ([run("1 client", [1.0])] * 5, ", ".join(["1 client with 1"] * 5)),
    ],
    ids=["0", "empty", "5"],
)
def test_runs_that_cannot_be_drawn_are_refused(runs, got):
    with pytest.raises(ValueError, match=f"one to 4 runs with an answered request each; got {got}\\.$"):
        plot_latencies(runs)
