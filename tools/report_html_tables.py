"""Tables of a drawn day: the numbers, the settings that differ, the issues behind surges, and what changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tools.backtest import Backtest
from tools.backtest_alerts import CHANGES, Shown
from tools.backtest_measures import AFTER_MS
from tools.backtest_text import Zone, later, measures, settings_that_differ
from tools.report_html_marks import both, safe, words

ROWS_MAX = 200
"""A longer table is read by a program: the comparison as JSON has all."""
ROWS_SHOWN = 30
"""About a screen; a longer table is opened by who wants to read it."""
ISSUES_MAX = 20


def numbers(found: Backtest) -> Iterator[str]:
    """What the alerts ask of the leads, beside the settings that differ."""
    heads = "".join(f'<th class="n">{letter}</th>' for letter, _ in zip("AB", found.sides, strict=False))
    rows = "".join(
        f'<tr><td class="{"in" if indent else ""}">{words(name)}</td>'
        + "".join(f'<td class="n">{safe(cell)}</td>' for cell in cells)
        + "</tr>"
        for indent, name, cells in measures(found)
    )
    head = f"<thead><tr><th></th>{heads}</tr></thead>" if len(found.sides) > 1 else ""
    notes = f'<p class="soft">{words("formula")}</p>'
    if found.causes is not None:
        notes += f'<p class="soft">{words("false.means", minutes=AFTER_MS // 60_000)}</p>'
    left = f"<div><h2>{words('measures')}</h2><table>{head}<tbody>{rows}</tbody></table></div>"
    yield f'<div class="pair">{left}{_settings(found)}</div><br>{notes}'


def _settings(found: Backtest) -> str:
    if len(found.sides) < 2 or not (differ := settings_that_differ(*found.sides)):
        return ""
    rows = "".join(
        f'<tr><td class="name">{safe(key)}</td><td class="n">{safe(a)}</td><td class="n">{safe(b)}</td></tr>'
        for key, a, b in differ[:ROWS_MAX]
    )
    head = f'<thead><tr><th>{words("key")}</th><th class="n">A</th><th class="n">B</th></tr></thead>'
    return f"<div><h2>{words('differ')}</h2><table>{head}<tbody>{rows}</tbody></table></div>"


def issues(found: Backtest) -> Iterator[str]:
    """What surges named as their causes, the most contacts above the usual first; in words, of the side with more."""
    sides = [side.book.issues for side in found.sides]
    most = {
        key: max((side[key] for side in sides if key in side), key=lambda n: n.contacts) for s in sides for key in s
    }
    if not most:
        return
    rows = []
    for key in sorted(most, key=lambda key: (-most[key].contacts, key))[:ISSUES_MAX]:
        cells = "".join(f'<td class="n">{f"{side[key].contacts:,.0f}" if key in side else "–"}</td>' for side in sides)
        queues = sorted(set().union(*(side[key].queues for side in sides if key in side)))
        rows.append(
            f'<tr><td class="name">{safe(key[1])}</td>{cells}<td class="name">{safe(", ".join(queues)) or "–"}</td>'
            f'<td class="told">{both(most[key].text, most[key].text_zh)}</td></tr>'
        )
    letters = [f" {letter}" if len(sides) > 1 else "" for letter, _ in zip("AB", sides, strict=False)]
    heads = f"<th>{words('issue')}</th>"
    heads += "".join(f'<th class="n">{words("issue.excess")}{letter}</th>' for letter in letters)
    heads += f"<th>{words('issue.queues')}</th><th>{words('issue.words')}</th>"
    more = f"<p>{words('issues.more', count=len(most) - ISSUES_MAX)}</p>" if len(most) > ISSUES_MAX else ""
    table = _wide(f"<thead><tr>{heads}</tr></thead>", rows)
    yield f'<h2>{words("issues")}</h2><p class="soft">{words("issues.note")}</p>{table}{more}'


def changes(found: Backtest, zone: Zone) -> Iterator[str]:
    """Alerts that come, go or move, by time; those about agents are counted."""
    if len(found.sides) < 2:
        return
    changed = [difference for difference in found.differences if difference.change != "stays"]
    of_agents = Counter(
        (difference.alert.kind, difference.change)
        for difference in found.differences
        if difference.alert.subject_type == "agent"
    )
    yield (
        f"<h2>{words('changes')}</h2>"
        + ("".join([_count_table(of_agents)] if of_agents else []))
        + (_change_table(found, zone) if changed else f"<p>{words('changes.none')}</p>")
    )


def _count_table(counts: Counter[tuple[str, str]]) -> str:
    heads = "".join(f'<th class="n">{words(change)}</th>' for change in CHANGES)
    rows = [
        f"<tr><td>{words(kind)}</td>" + "".join(f'<td class="n">{counts[kind, c]}</td>' for c in CHANGES) + "</tr>"
        for kind in sorted({kind for kind, _ in counts})
    ]
    head = f"<thead><tr><th>{words('kind')}</th>{heads}</tr></thead>"
    return f'<p class="soft">{words("changes.agents")}</p>{_wide(head, rows)}<br>'


def _change_table(found: Backtest, zone: Zone) -> str:
    listed = [d for d in found.differences if d.change != "stays" and d.alert.subject_type != "agent"]
    rows = []
    for difference in listed[:ROWS_MAX]:
        a, b = difference.a, difference.b
        subject = words("whole") if difference.alert.subject_type == "tenant" else safe(difference.alert.subject)
        by = ""
        if a is not None and b is not None and a.from_ms != b.from_ms:
            by = f' <span class="soft">{later(b.from_ms - a.from_ms)}</span>'
        severities = list(dict.fromkeys(side.severity for side in (a, b) if side is not None))
        told = " → ".join(f'<span class="s-{level}">{severity(level)}</span>' for level in severities)
        rows.append(
            f'<tr><td>{words(difference.change)}</td><td>{words(difference.alert.kind)}</td><td class="name">{subject}'
            f'</td><td class="when">{_span(a, zone)}</td><td class="when">{_span(b, zone)}{by}</td><td>{told}</td></tr>'
        )
    if not rows:
        return ""
    heads = "".join(f"<th>{head}</th>" for head in (*map(words, ("change", "kind", "subject")), "A", "B"))
    head = f"<thead><tr>{heads}<th>{words('severity')}</th></tr></thead>"
    more = f"<p>{words('changes.more', count=len(listed) - ROWS_MAX)}</p>" if len(listed) > ROWS_MAX else ""
    table = _wide(head, rows[:ROWS_SHOWN])
    if rows[ROWS_SHOWN:]:
        summary = words("changes.rest", count=len(rows) - ROWS_SHOWN)
        table += f"<details><summary>{summary}</summary>{_wide(head, rows[ROWS_SHOWN:])}</details>"
    return table + more


def _wide(head: str, rows: list[str]) -> str:
    return f'<div class="wide"><table>{head}<tbody>{"".join(rows)}</tbody></table></div>'


def severity(level: str) -> str:
    """The word for it."""
    return words("critical.word" if level == "critical" else level)


def _span(alert: Shown | None, zone: Zone) -> str:
    if alert is None:
        return "–"
    if alert.settled:
        return zone.clock(alert.from_ms)
    end = words("open") if alert.to_ms is None else zone.clock(alert.to_ms)
    return f"{zone.clock(alert.from_ms)} – {end}"
