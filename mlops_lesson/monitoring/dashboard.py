"""The one picture that the person on call looks at: the service, the inputs, the scores and the accuracy, by week."""

import pandas as pd

from mlops_lesson.monitoring.loop import ALERT, Loop
from mlops_lesson.monitoring.monitors import LEVEL, PIXELS, SCORES
from mlops_lesson.show.figures import BLUE, GREY, ORANGE, PINK, ShownFigure, drawing
from mlops_lesson.validation.gate import GATE

SMALLEST_DRAWN = 1e-6


def plot_dashboard(run: Loop) -> ShownFigure:
    """Draw a run week by week: requests and errors, inputs, scores, and the accuracy with its interval.

    Alarm levels are drawn in, and so are alerts and promotions.

    Parameters
    ----------
    run : mlops_lesson.monitoring.loop.Loop
        A loop after its weeks.
    """
    table = pd.DataFrame(run.reports).set_index("week")
    weeks, accuracy, worst = table.index, table["accuracy"], table["accuracy"].idxmin()
    alerts, promoted = weeks[table["state"] == ALERT], weeks[table["action"] == "promote"]
    table["to_b"] = [(log.score >= 0.5).mean() for log in run.logs]
    counts = {
        name: [sum(n for status, n in log.statuses.items() if status[0] == kind) for log in run.logs]
        for name, kind in (("answered", "2"), ("refused by the contract", "4"), ("failed", "5"))
    }
    p_values = pd.DataFrame([*table["values"]], weeks).clip(lower=SMALLEST_DRAWN)
    title = f"Accuracy falls to {accuracy.min():.2f} in week {worst} and is {accuracy.iloc[-1]:.2f} in week {weeks[-1]}"
    with drawing(title, 7.6, 7.4, rows=4, sharex=True, height_ratios=[0.8, 1, 0.8, 1.5]) as d:
        service, tests, share, right = d.axes
        bottom = pd.Series(0, weeks)
        for (name, count), colour in zip(counts.items(), (GREY, ORANGE, PINK), strict=True):
            service.bar(weeks, count, bottom=bottom, color=colour, width=0.5, label=f"{name}: {sum(count)}")
            bottom += count
        service.set(ylabel="requests", title="Service", ylim=(0, 1.5 * bottom.max()))
        service.legend(loc="upper left", ncols=3, fontsize="small")
        for monitor, colour, style in ((PIXELS, BLUE, "o-"), (SCORES, PINK, "s--")):
            tests.semilogy(weeks, p_values[monitor.name], style, color=colour, label=monitor.name)
        tests.axhline(LEVEL, color=ORANGE, linestyle=":", label=f"alarm level {LEVEL}")
        tests.set(ylabel="p-value", title="Inputs and scores against the reference", ylim=(1e-9, 5))
        tests.set_yticks([1, LEVEL, SMALLEST_DRAWN], ["1", f"{LEVEL}", "≤ 0.000001"])
        tests.minorticks_off()
        tests.legend(loc="lower left", ncols=3, fontsize="small", columnspacing=1.0, handlelength=1.4)
        share.plot(table["to_b"], "o-", color=BLUE)
        share.set(ylabel="share", title="Parcels sent to chute B", ylim=(0, 0.8))
        spread = [accuracy - table["low"], table["high"] - accuracy]
        right.errorbar(weeks, accuracy, spread, fmt="o-", color=BLUE, capsize=3, label="champion, 95 % interval")
        right.plot(weeks, table["unattended"], "s--", color=GREY, label="first champion, left alone")
        right.axhline(GATE, color=ORANGE, linestyle=":", label=f"gate {GATE:.2f}")
        right.set(xlabel="live week", ylabel="share right", title="Accuracy on Monday's labels", ylim=(0.2, 1.03))
        right.set_xticks(weeks)
        right.legend(loc="lower left", fontsize="small")
        for week in alerts:
            right.annotate("alert", (week, table["low"][week]), (0, -12), textcoords="offset points", ha="center")
        for week in promoted:
            for axis in d.axes:
                axis.axvline(week + 0.5, color=PINK, linestyle="-.")
            right.annotate("promotion", (week + 0.55, 0.24), color=PINK)
        by_week = " ".join(
            f"Week {row.Index}: {row.accuracy:.2f} right, first champion {row.unattended:.2f}, {row.to_b:.2f} sent to "
            f"B, rang: {'; '.join(row.alarms) or 'none'}."
            for row in table.itertuples()
        )
        requests = ", ".join(f"{name} {sum(count)}" for name, count in counts.items())
        d.alt = (
            f"Four panels by live week. Requests {requests}. {by_week} Alerts in weeks "
            f"{', '.join(map(str, alerts)) or 'none'}; promotions at the end of weeks "
            f"{', '.join(map(str, promoted)) or 'none'}. The gate is at {GATE:.2f}, the alarm level at {LEVEL}."
        )
    return d.shown
