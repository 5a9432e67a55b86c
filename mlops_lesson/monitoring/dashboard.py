"""The one picture that the person on call looks at: the service, the inputs, the scores and the accuracy, by week."""

import numpy as np

from mlops_lesson.monitoring.loop import ALERT, LoopRun
from mlops_lesson.monitoring.monitors import LEVEL, PIXELS, SCORES
from mlops_lesson.show.figures import BLUE, GREY, ORANGE, PINK, ShownFigure, drawing
from mlops_lesson.validation.gate import GATE

SMALLEST_DRAWN = 1e-6


def plot_dashboard(run: LoopRun, gate: float = GATE) -> ShownFigure:
    """Draw a run week by week: requests and errors, inputs, scores, and the accuracy with its interval.

    Alarm levels are drawn in, and so are alerts and promotions.

    Parameters
    ----------
    run : LoopRun
        What happened.
    gate : float
        The accuracy below which the loop alerts.

    Returns
    -------
    ShownFigure
        Ready to be displayed, with alternative text.
    """
    weeks = [report.week for report in run.reports]
    accuracy = np.array([report.accuracy for report in run.reports])
    alerts = [report.week for report in run.reports if report.state == ALERT]
    promoted = [report.week for report in run.reports if report.action == "promote"]
    counts = [[sum(n for status, n in log.statuses.items() if status[0] == kind) for log in run.logs] for kind in "245"]
    to_b = [float((log.score >= 0.5).mean()) for log in run.logs]
    p_of = {
        monitor.name: [
            max(p, SMALLEST_DRAWN) for p in run.readings.loc[run.readings["monitor"] == monitor.name, "value"]
        ]
        for monitor in (PIXELS, SCORES)
    }
    worst = int(np.nanargmin(accuracy))
    title = (
        f"Accuracy falls to {accuracy[worst]:.2f} in week {weeks[worst]} and is {accuracy[-1]:.2f} in week {weeks[-1]}"
    )
    with drawing(title, 7.6, 7.4, rows=4, sharex=True, height_ratios=[0.8, 1, 0.8, 1.5]) as d:
        service, tests, share, right = d.axes
        bottom = np.zeros(len(weeks))
        names = ("answered", "refused by the contract", "failed")
        for name, colour, count in zip(names, (GREY, ORANGE, PINK), counts, strict=True):
            service.bar(weeks, count, bottom=bottom, color=colour, width=0.5, label=f"{name}: {sum(count)}")
            bottom += count
        service.set(ylabel="requests", title="Service", ylim=(0, 1.5 * max(bottom)))
        service.legend(loc="upper right", ncols=3, fontsize="small")
        for (name, values), colour, style in zip(p_of.items(), (BLUE, PINK), ("o-", "s--"), strict=True):
            tests.semilogy(weeks, values, style, color=colour, label=name)
        tests.axhline(LEVEL, color=ORANGE, linestyle=":", label=f"alarm level {LEVEL}")
        tests.set(ylabel="p-value", title="Inputs and scores against the reference", ylim=(1e-9, 5))
        tests.set_yticks([1, 0.01, 0.0001, SMALLEST_DRAWN], ["1", "0.01", "0.0001", "0.000001"])
        tests.minorticks_off()
        tests.legend(loc="lower left", ncols=3, fontsize="small")
        share.plot(weeks, to_b, "o-", color=BLUE)
        share.set(ylabel="share", title="Parcels sent to chute B", ylim=(0, 0.8))
        spread = [accuracy - [r.low for r in run.reports], [r.high for r in run.reports] - accuracy]
        right.errorbar(weeks, accuracy, spread, fmt="o-", color=BLUE, capsize=3, label="champion, 95 % interval")
        right.plot(weeks, run.unattended, "s--", color=GREY, label="first champion, left alone")
        right.axhline(gate, color=ORANGE, linestyle=":", label=f"gate {gate:.2f}")
        right.set(xlabel="live week", ylabel="share right", title="Accuracy on Monday's labels", ylim=(0.2, 1.03))
        right.set_xticks(weeks)
        right.legend(loc="lower left", fontsize="small")
        for report in run.reports:
            if report.state == ALERT:
                right.annotate("alert", (report.week, report.low), (0, -12), textcoords="offset points", ha="center")
        for week in promoted:
            for axis in d.axes:
                axis.axvline(week + 0.5, color=PINK, linestyle="-.")
            right.annotate("promotion", (week + 0.55, 0.24), color=PINK)
        d.alt = (
            f"Four panels by live week. Requests answered {sum(counts[0])}, refused {sum(counts[1])}, failed "
            f"{sum(counts[2])}. "
            + " ".join(
                f"Week {report.week}: {report.accuracy:.2f} right, first champion {alone:.2f}, {b:.2f} sent to B"
                + (f", rang: {', '.join(report.alarms)}" if report.alarms else "")
                + "."
                for report, alone, b in zip(run.reports, run.unattended, to_b, strict=True)
            )
            + f" Alerts in weeks {', '.join(map(str, alerts)) or 'none'}; promotions at the end of weeks "
            f"{', '.join(map(str, promoted)) or 'none'}. The gate is at {gate:.2f}, the alarm level at {LEVEL}."
        )
    return d.shown
