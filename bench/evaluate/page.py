"""docs/evaluation.md from the results: tables, how they were made, and what they do not show."""

from __future__ import annotations

from bench.evaluate.figures import Figures
from bench.evaluate.real import RealOutcome
from bench.evaluate.results import Detail, KindDetail, KindResult, Results

OURS = "**Strainwatch**"

HEAD = """# What the signals are worth

Made by `make evaluate` from `bench/evaluation.json`; do not edit. Everything comes from seeds, so the same code gives
the same page.

## What is not shown

- **No data set here carries measured stress.** Nothing on this page says that a person with a high score suffers, or
  that one with a low score does not. Agent strain is an *exposure* measure: what reached a person and how much rest
  there was, with stated assumptions. It is not, and does not try to be, a measure of emotion, mood or burnout.
- The seeded days come from a simulated contact centre. Its causes are injected, its people follow a plan that we wrote,
  and its latent fatigue is an assumption too (a power law of rest, with people who differ), chosen because it is *not*
  the form of the score. Agreement with it shows that the score does not hang on its own formula, and no more.
- The real calls are two weeks of one bank in 1999. They show waits and abandonment, not people.
- Engine and rivals begin each day knowing nothing: no history, no baselines from the weeks before.
"""

HOW = """## Seeded days

{days} days ({sizes}), {events:,} events. Causes: surges, bursts of one issue, a system that is down, hostile contacts
to one agent, missing colleagues, missed breaks, a feed that falls silent, arrivals more uneven than Poisson; and quiet
days.
The truth never enters the events. Large centres have fewer and shorter days; of each day at most 40 agents are judged.

The rivals see what an ACD dashboard shows each minute: queue length, longest wait, mean wait of 15 min, arrivals,
occupancy, handle times, flagged contacts, time since a break. Each chose its measure, line and duration on other days,
for the shortest delay within the false alarms that Strainwatch gave there. `detected`: share of causes told of while
they lasted. Delays run from the beginning of the cause, over those detected. Area: precision and recall, per minute of
each queue, issue, team or agent. Definitions: `bench/evaluate/figures.py`, `truth.py` and `tuning.py`.
"""

REAL = """## Real calls

Queue strain at the end of each quarter of an hour against what happens in the next one, in queues with at least 500
calls, where at least three calls join; days on which nothing was chosen. The interval is from a bootstrap by day.
"""


def page(results: Results, detail: Detail | None) -> str:
    """The whole page."""
    parts = [HEAD]
    if detail is not None:
        sizes = ", ".join(f"{count} of {size} agents" for size, count in detail.days.items())
        parts.append(HOW.format(days=sum(detail.days.values()), sizes=sizes, events=detail.events))
    else:
        parts.append("## Seeded days\n")
    by_kind = {kind.kind: kind for kind in detail.kinds} if detail is not None else {}
    for kind in results.kinds:
        parts.append(_kind(kind, by_kind.get(kind.kind)))
    if detail is not None and detail.time_constants:
        parts.append(_time_constants(detail))
    parts.append(REAL)
    parts.extend(_real(name, outcome) for name, outcome in results.real.items())
    if not results.real:
        parts.append("Not run: the file of calls was not given.\n")
    return "\n".join(parts)


def _kind(kind: KindResult, detail: KindDetail | None) -> str:
    rows = [f"### {kind.kind}\n", f"{kind.n} causes.\n", _FIGURES_HEAD, _row(OURS, kind.strainwatch)]
    rows += [_row(f"`{name}`", figures) for name, figures in kind.rivals.items()]
    if detail is not None:
        if detail.by_cause:
            rows.append("\nBy cause: " + "; ".join(f"{cause} {told}" for cause, told in detail.by_cause.items()) + ".")
        rows.append(_curve(detail))
    return "\n".join(rows) + "\n"


_FIGURES_HEAD = """| | area | delay p50 | delay p90 | detected | false a lead and hour |
|---|---|---|---|---|---|"""


def _row(who: str, f: Figures) -> str:
    cells = (_number(f.pr_auc, 3), _seconds(f.delay_p50_s), _seconds(f.delay_p90_s), _part(f.detected))
    return f"| {who} | {' | '.join(cells)} | {f.false_per_lead_hour:.3f} |"


def _curve(detail: KindDetail) -> str:
    """Ours with other lines, each beside the best rival at as many false alarms on the tuning days."""
    lines = [
        "\nOther lines; mean delay with a miss counted as an hour, false alarms a lead and hour in brackets:\n",
        "| lines x | Strainwatch | best rival at as many false alarms when tuned |",
        "|---|---|---|",
    ]
    for factor in sorted({point.factor for point in detail.curve}):
        at = [point for point in detail.curve if point.factor == factor]
        mine = next(point for point in at if point.who == "strainwatch")
        best = min((point for point in at if point.who != "strainwatch"), key=lambda point: point.mean_delay_s)
        lines.append(
            f"| {factor:g} | {mine.mean_delay_s:.0f} s ({mine.false_per_lead_hour:.3f}) | "
            f"{best.mean_delay_s:.0f} s ({best.false_per_lead_hour:.3f}) `{best.who}`: {best.setting} |"
        )
    return "\n".join(lines)


def _time_constants(detail: Detail) -> str:
    rows = [
        "### agent.strain under wrong time constants\n",
        "The score as it is, against people of whom latent fatigue fades at another pace.\n",
        _FIGURES_HEAD,
    ]
    rows += [_row(f"{variant.people} ({variant.n})", variant.figures) for variant in detail.time_constants]
    return "\n".join(rows) + "\n"


def _real(name: str, outcome: RealOutcome) -> str:
    low, high = outcome.lead_ci95
    rows = [
        f"### {name}\n",
        f"{outcome.slots} slots. Lead in ROC area over the best rival: {outcome.lead_roc_auc:+.3f} "
        f"(95 % interval {low:+.3f} to {high:+.3f}).\n",
        "| | ROC area | precision-recall area |\n|---|---|---|",
        f"| {OURS} | {outcome.strainwatch.roc_auc:.3f} | {outcome.strainwatch.pr_auc:.3f} |",
    ]
    rows += [f"| `{who}` | {both.roc_auc:.3f} | {both.pr_auc:.3f} |" for who, both in outcome.rivals.items()]
    return "\n".join(rows) + "\n"


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} s"


def _part(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"
