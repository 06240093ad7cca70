"""A back-test drawn as one HTML page that needs nothing else: no script, no request, light and dark, for paper too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tools.backtest import Backtest, Side
from tools.backtest_strain import GroupKey, Line, QueueKey, most_strained
from tools.backtest_text import Zone
from tools.report_html_lanes import axis, band_lane, bar_lane, cause_lane, count_lane, strain_lane
from tools.report_html_marks import Frame, safe, svg_text, svg_words, words
from tools.report_html_style import STYLE
from tools.report_html_tables import changes, issues, numbers, severity
from tools.truth_file import Injected

QUEUES_MAX = 12
"""What one can compare by eye; the rest are in the numbers and in the count of alerts."""
GROUPS_MAX = 24
SUBJECTS_MAX = 8
"""Of each kind that is drawn as bars."""
CAUSES_MAX = 40

COUNTED = ("queue", "agent")
"""There may be thousands of these, and agents are not named: their alerts are counted over time."""


def page(found: Backtest, zone: Zone, language: str) -> str:
    """The page; `language`, en or zh, is what it opens in. The same back-test gives the same text."""
    frame = Frame(found.first_ms, found.last_ms, zone)
    title = "title.two" if len(found.sides) > 1 else "title.one"
    checked = {"en": "", "zh": ""} | {language: " checked"}
    sections = [*numbers(found), *_causes(found, frame), *_queues(found, frame), *_alerts(found, frame)]
    sections += [*issues(found), *_agents(found, frame), *changes(found, zone)]
    return (
        f'<!doctype html>\n<html lang="{"zh-CN" if language == "zh" else "en"}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>Strainwatch {zone.day(found.first_ms)}</title><style>{STYLE}</style></head><body>\n"
        f'<input class="pick" type="radio" name="lang" id="lang-en"{checked["en"]}>'
        f'<input class="pick" type="radio" name="lang" id="lang-zh"{checked["zh"]}>\n<main>'
        '<nav><label for="lang-en" lang="en">English</label> <label for="lang-zh" lang="zh-CN">中文</label></nav>'
        f"<header><h1>{words(title)}</h1>{_when(found, zone)}{_names(found)}</header>\n"
        + "\n".join(f"<section>{section}</section>" for section in sections)
        + f'\n<p class="soft" style="margin-top:18px">{words("foot")}</p></main></body></html>\n'
    )


def _when(found: Backtest, zone: Zone) -> str:
    first, last = (f"{zone.day(ms)} {zone.clock(ms)}" for ms in (found.first_ms, found.last_ms))
    events = words("events", events=f"{found.sides[0].summary.counts['events']:,}")
    return f'<p class="soft">{first} – {last} · {words("zone", zone=zone.name)} · {events}</p>'


def _names(found: Backtest) -> str:
    items = []
    for letter, side in zip("AB", found.sides, strict=False):
        mark = f"<b>{letter}</b>" if len(found.sides) > 1 else ""
        revision = ""
        if side.settings is not None:
            name = safe(side.name)
            revision = f' <span class="soft">revision {side.settings.revision}</span>'
        else:
            name = words("defaults" if side.parameters is not None else "own")
        items.append(f'<li class="{letter.lower()}">{mark}{name}{revision}</li>')
    return f'<ul class="sides">{"".join(items)}</ul>'


# --- drawings


def _chart(frame: Frame, lanes: list[str]) -> str:
    return f'<div class="chart">{axis(frame)}{"".join(lanes)}{axis(frame) if len(lanes) > 6 else ""}</div>'


def _key(entries: list[tuple[str, str]]) -> str:
    items = "".join(
        f'<li><svg viewBox="0 0 26 12" aria-hidden="true">{mark}</svg>{text}</li>' for mark, text in entries
    )
    return f'<ul class="key">{items}</ul>'


def _line_marks(found: Backtest) -> list[tuple[str, str]]:
    if len(found.sides) < 2:
        return []
    area = '<path class="area-a" d="M0 3H26V12H0Z"/><path class="line-a" d="M0 3H26"/>'
    return [(area, "A"), ('<path class="line-b" d="M0 6H26"/>', "B")]


def _cause_marks(found: Backtest) -> list[tuple[str, str]]:
    return [('<rect class="cause" width="26" height="12"/>', words("causes"))] if _shaded(found) else []


def _bar_marks() -> list[tuple[str, str]]:
    return [
        (f'<rect class="{level}" y="2" width="26" height="8"/>', severity(level))
        for level in ("notice", "warning", "critical")
    ]


def _drawn(found: Backtest) -> list[Injected]:
    return (found.causes or [])[:CAUSES_MAX]


def _shaded(found: Backtest) -> list[Injected]:
    """What was wrong for one agent says nothing of a queue or a group."""
    return [cause for cause in _drawn(found) if cause.agent is None]


def _causes(found: Backtest, frame: Frame) -> Iterator[str]:
    if found.causes:
        yield f"<h2>{words('causes')}</h2>{_chart(frame, [cause_lane(frame, cause) for cause in _drawn(found)])}"


def _queues(found: Backtest, frame: Frame) -> Iterator[str]:
    days = [side.strain for side in found.sides]
    known: set[QueueKey] = {key for day in days for key in day.queues}
    chosen = most_strained(days, QUEUES_MAX)
    if not chosen:
        yield f"<h2>{words('queues')}</h2><p>{words('queues.none')}</p>"
        return
    lanes = []
    for key in chosen:
        lines = [side.strain.queues.get(key) for side in found.sides]
        alerts = [
            [a for a in side.alerts if (a.key[0], a.subject_type, a.subject) == (key[0], "queue", key[1])]
            for side in found.sides
        ]
        limits = [_limit(side, key) for side in found.sides]
        causes = [cause for cause in _shaded(found) if cause.queue in (None, key[1])]
        lanes.append(strain_lane(frame, key[1], _minutes(lines), lines, limits, alerts, causes))
    note = words("queues.note", count=len(chosen), of=len(known))
    key_marks = _key([*_line_marks(found), *_bar_marks(), *_cause_marks(found)])
    yield f'<h2>{words("queues")}</h2><p class="soft">{note}</p>{key_marks}{_chart(frame, lanes)}'


def _limit(side: Side, key: QueueKey) -> float | None:
    if side.parameters is None:
        return None
    return side.parameters.scope(*key).alerts["queue.strain"]["open_line"]


def _minutes(lines: list[Line | None]) -> list[str]:
    """Strain-minutes of each side, as texts of the drawing."""
    totals = [f"{0 if line is None else line.strain_minutes:,.0f}" for line in lines]
    out = [svg_words("minutes", 0, 30)]
    for place, (letter, total) in enumerate(zip("AB", totals, strict=False)):
        marked = f"{letter} {total}" if len(totals) > 1 else total
        out.append(svg_text(marked, 0, 46 + 15 * place, letter.lower() if len(totals) > 1 else ""))
    return out


def _alerts(found: Backtest, frame: Frame) -> Iterator[str]:
    lanes, marks = [], _line_marks(found)
    for kind in sorted({alert.kind for side in found.sides for alert in side.alerts}):
        of_kind = [[alert for alert in side.alerts if alert.kind == kind] for side in found.sides]
        if any(alert.subject_type in COUNTED and not alert.settled for side in of_kind for alert in side):
            lanes.append(count_lane(frame, kind, of_kind, _shaded(found)))
            continue
        marks = [*_line_marks(found), *_bar_marks()]
        minutes = Counter[tuple[str, str, str]]()
        for side in of_kind:
            for alert in side:
                subject = (alert.key[0], alert.subject_type, alert.subject)
                minutes[subject] += alert.end_ms(found.last_ms) - alert.from_ms
        subjects = sorted(minutes, key=lambda subject: (-minutes[subject], subject))
        for subject in subjects[:SUBJECTS_MAX]:
            alerts = [[a for a in side if (a.key[0], a.subject_type, a.subject) == subject] for side in of_kind]
            lanes.append(bar_lane(frame, kind, None if subject[1] == "tenant" else subject[2], alerts))
        if len(subjects) > SUBJECTS_MAX:
            rest = [
                [a for a in side if (a.key[0], a.subject_type, a.subject) not in subjects[:SUBJECTS_MAX]]
                for side in of_kind
            ]
            lanes.append(count_lane(frame, kind, rest, []))
    if not lanes:
        yield f"<h2>{words('alerts.open')}</h2><p>{words('alerts.none')}</p>"
        return
    note = f'<p class="soft">{words("alerts.note")}</p>'
    yield f"<h2>{words('alerts.open')}</h2>{note}{_key([*marks, *_cause_marks(found)])}{_chart(frame, lanes)}"


def _agents(found: Backtest, frame: Frame) -> Iterator[str]:
    groups: list[GroupKey] = sorted(
        {group for side in found.sides for group in side.strain.groups},
        key=lambda group: (group[0], group[1] is not None, group[1] or ""),
    )
    if not groups:
        yield f"<h2>{words('agents')}</h2><p>{words('agents.none')}</p>"
        return
    lanes = []
    for group in groups[:GROUPS_MAX]:
        bands = [side.strain.groups.get(group) for side in found.sides]
        same = len(bands) > 1 and bands[0] == bands[1]
        for letter, band in zip("AB", bands[:1] if same else bands, strict=False):
            if band is not None:
                show_side = len(bands) > 1 and not same
                lanes.append(band_lane(frame, group[1], letter, band, _shaded(found), show_side))
    more = f"<p>{words('agents.more', count=len(groups) - GROUPS_MAX)}</p>" if len(groups) > GROUPS_MAX else ""
    marks = _key(
        [
            ('<path class="area-a" d="M0 3H26V12H0Z"/><path class="line-a" d="M0 3H26"/>', words("median")),
            ('<path class="area-a" d="M0 3H26V12H0Z"/><path class="line-a thin" d="M0 3H26"/>', words("p90")),
            ('<path class="line-a thin top" stroke-dasharray="2 2" d="M0 6H26"/>', words("max")),
            *_cause_marks(found),
        ]
    )
    note = f'<p class="soft">{words("agents.note")}</p>'
    yield f"<h2>{words('agents')}</h2>{note}{marks}{_chart(frame, lanes)}{more}"
