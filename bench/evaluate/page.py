"""The tables of docs/evaluation.md, from the results; the text around them is written by hand."""

from __future__ import annotations

import re

from bench.evaluate.figures import Figures
from bench.evaluate.real import RealDays, RealOutcome
from bench.evaluate.results import Detail, KindDetail, KindResult, Results
from bench.evaluate.weights import Picked

OURS = "**Strainwatch**"
NOT_YET = "Not in this run.\n"

_PART = re.compile(r"(<!-- begin (?P<name>[a-z-]+):[^>]*-->\n).*?(<!-- end (?P=name) -->)", re.DOTALL)


def filled(text: str, results: Results, detail: Detail) -> str:
    """The page with the parts between its markers made anew. Raises KeyError: no such part."""
    parts = {
        "days": _days(detail),
        "kinds": "\n".join(_kind(kind, _of(kind.kind, detail)) for kind in results.kinds) or NOT_YET,
        "time-constants": _time_constants(detail) if detail.time_constants else NOT_YET,
        "real": "\n".join(_real(name, outcome) for name, outcome in results.real.items()) or NOT_YET,
        "weights": _weights(detail.weights) if detail.weights is not None else NOT_YET,
        "real-days": _real_days(detail.real_days) if detail.real_days is not None else NOT_YET,
    }
    return _PART.sub(lambda found: f"{found[1]}{parts[found['name']]}{found[3]}", text)


def _of(kind: str, detail: Detail) -> KindDetail | None:
    return next((one for one in detail.kinds if one.kind == kind), None)


def _days(detail: Detail) -> str:
    sizes = ", ".join(f"{count} of {size} agents" for size, count in detail.days.items())
    return f"{sum(detail.days.values())} days ({sizes}), {detail.events:,} events.\n"


def _real_days(real: RealDays) -> str:
    rows = [
        f"Rank correlation over the days judged: {real.rank_correlation:.2f}.\n",
        "| day | calls | mean wait | mean strain | |\n|---|---|---|---|---|",
    ]
    for day in sorted(real.days, key=lambda day: day.wait_s):
        note = "judged" if day.judged else "looked at before"
        rows.append(f"| {day.date} | {day.calls} | {day.wait_s:.0f} s | {day.strain:.1f} | {note} |")
    return "\n".join(rows) + "\n"


def _weights(picked: Picked) -> str:
    rows = [
        f"{picked.tried} sets tried. ROC areas of both waits.\n",
        "| | weights | area, tuning days | first week | second week |\n|---|---|---|---|---|",
    ]
    for who, one in (("picked", picked.pick), ("in the product", picked.product)):
        weights = ", ".join(f"{name} {weight:g}" for name, weight in one.weights.items())
        first, second = (
            " / ".join(f"{area:.3f}" for area in areas.values())
            for areas in (one.first_week_roc_auc, one.second_week_roc_auc)
        )
        rows.append(f"| {who} | {weights} | {one.tuning_pr_auc:.3f} | {first} | {second} |")
    return "\n".join(rows) + "\n"


def _kind(kind: KindResult, detail: KindDetail | None) -> str:
    equal_s = kind.equal_false.mean_delay_s
    rows = [f"### {kind.kind}\n", f"{kind.n} causes.\n", _KIND_HEAD]
    rows.append(f"{_row(OURS, kind.strainwatch)} {_seconds(equal_s['strainwatch'])} |")
    rows += [f"{_row(f'`{name}`', figures)} {_seconds(equal_s[name])} |" for name, figures in kind.rivals.items()]
    if detail is not None:
        if detail.by_cause:
            rows.append("\nBy cause: " + "; ".join(f"{cause} {told}" for cause, told in detail.by_cause.items()) + ".")
        rows.append(_equal(detail) if kind.rivals else "\nNothing that is used now tells of this.")
    return "\n".join(rows) + "\n"


_FIGURES_HEAD = """| | area | delay p50 | delay p90 | detected | false a lead and hour |
|---|---|---|---|---|---|"""

_KIND_HEAD = """| | area | delay p50 | delay p90 | detected | false a lead and hour | mean delay at equal false alarms |
|---|---|---|---|---|---|---|"""


def _row(who: str, f: Figures) -> str:
    cells = (_number(f.pr_auc, 3), _seconds(f.delay_p50_s), _seconds(f.delay_p90_s), _part(f.detected))
    return f"| {who} | {' | '.join(cells)} | {f.false_per_lead_hour:.3f} |"


def _equal(detail: KindDetail) -> str:
    """Ours with its line at several heights, each beside the best rival at as many false alarms on the days judged."""
    lines = [
        "\nAt equal false alarms on the days judged; mean delay, a miss counted as an hour:\n",
        "| lines x | false a lead and hour | Strainwatch | best rival | |",
        "|---|---|---|---|---|",
    ]
    for at in detail.equal_false:
        mine = at.mean_delay_s["strainwatch"]
        best = min((who for who in at.mean_delay_s if who != "strainwatch"), key=lambda who: at.mean_delay_s[who])
        shown = f"{at.factor:g} | {at.false_per_lead_hour:.3f} | {mine:.0f} s | {at.mean_delay_s[best]:.0f} s"
        lines.append(f"| {shown} | `{best}` |")
    return "\n".join(lines)


def _time_constants(detail: Detail) -> str:
    rows = [_FIGURES_HEAD]
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
