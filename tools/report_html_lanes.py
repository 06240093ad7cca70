"""Lanes of a drawn day, each a drawing of its own under the same time axis."""

from __future__ import annotations

from collections.abc import Sequence

from tools.backtest_alerts import Shown
from tools.backtest_strain import Band, Line
from tools.backtest_text import span
from tools.report_html_marks import (
    LABEL_WIDTH,
    PLOT_WIDTH,
    WIDTH,
    Frame,
    at_once,
    fitted,
    path,
    safe,
    svg_text,
    svg_words,
    words,
)
from tools.truth_file import Injected

STRAIN_HEIGHT = 62
BAR_HEIGHT, BAR_ROW = 8, 13
PAD = 9
"""Above a lane, for half a line of its topmost number."""
RIGHT_END = LABEL_WIDTH + PLOT_WIDTH


def axis(frame: Frame) -> str:
    """The hours."""
    ticks = "".join(
        f'<path class="base" d="M{x:g} 16v4"/>{svg_text(label, x, 12, anchor="middle")}' for x, label in frame.ticks()
    )
    return _svg(21, f"{ticks}{_rule(20.5)}")


def strain_lane(
    frame: Frame,
    name: str,
    notes: Sequence[str],
    lines: Sequence[Line | None],
    limits: Sequence[float | None],
    alerts: Sequence[list[Shown]],
    causes: Sequence[Injected],
) -> str:
    """A queue: strain of each side, the lines at which alerts open, and below the alerts of each side.

    `notes` are texts of the drawing (already safe) below the name.
    """
    body = [_shade(frame, causes, STRAIN_HEIGHT), _scale(frame, STRAIN_HEIGHT, 100)]
    body.append(f'<text class="name" x="0" y="12"><title>{safe(name)}</title>{safe(fitted(name))}</text>')
    body += notes
    for letter, line in zip("ab", lines, strict=False):
        if line is not None:
            runs = frame.runs(line, STRAIN_HEIGHT, 100)
            if letter == "a":
                body.append(f'<path class="area-a" d="{path(runs, STRAIN_HEIGHT)}"/>')
            body.append(f'<path class="line-{letter}" d="{path(runs)}"/>')
    for letter, limit in zip("ab", limits, strict=False):
        if limit is not None:
            y = STRAIN_HEIGHT * (1 - limit / 100)
            body.append(f'<path class="limit-{letter}" d="M{LABEL_WIDTH} {y:.1f}H{RIGHT_END}"/>')
    y = STRAIN_HEIGHT + 9  # clear of the number at the foot of the scale
    for letter, shown in zip("ab", alerts, strict=False):
        if len(alerts) > 1:
            body.append(svg_text(letter.upper(), LABEL_WIDTH - 8, y + BAR_HEIGHT, letter, "end"))
        body.append(f'<path class="grid" d="M{LABEL_WIDTH} {y + BAR_HEIGHT / 2:g}H{RIGHT_END}"/>')
        body.append(_bars(frame, shown, y))
        y += BAR_ROW
    return _lane(safe(name), y + 6, body)


def band_lane(
    frame: Frame, team: str | None, letter: str, band: Band, causes: Sequence[Injected], show_side: bool
) -> str:
    """A group of agents (None: all): the median, nine in ten, and the highest."""
    side = letter.lower()
    tag = words("all.agents") if team is None else safe(team)
    body = [_shade(frame, causes, STRAIN_HEIGHT), _scale(frame, STRAIN_HEIGHT, 100)]
    body.append(svg_words("all.agents", 0, 12, "name") if team is None else svg_text(fitted(team), 0, 12, "name"))
    if show_side:
        body.append(svg_text(letter, 0, 30, side))
    top, p90, p50 = (frame.runs(line, STRAIN_HEIGHT, 100) for line in (band.top, band.p90, band.p50))
    body.append(f'<path class="line-{side} thin top" stroke-dasharray="2 2" d="{path(top)}"/>')
    body.append(f'<path class="area-{side}" d="{path(p90, STRAIN_HEIGHT)}"/>')
    body.append(f'<path class="line-{side} thin" d="{path(p90)}"/>')
    body.append(f'<path class="area-{side}" d="{path(p50, STRAIN_HEIGHT)}"/>')
    body.append(f'<path class="line-{side}" d="{path(p50)}"/>')
    return _lane(tag, STRAIN_HEIGHT + 12, body)


def count_lane(frame: Frame, kind: str, alerts: Sequence[list[Shown]], causes: Sequence[Injected]) -> str:
    """How many alerts of a kind are open at once on each side."""
    height = 40
    steps = [at_once(side) for side in alerts]
    most = max((count for side in steps for _, count in side), default=0)
    top = max(most, 2)
    body = [_shade(frame, causes, height), _scale(frame, height, top), svg_words(kind, 0, 12, "name")]
    for letter, side in zip("ab", steps, strict=False):
        parts, y = [f"M{LABEL_WIDTH} {height}"], float(height)
        for ts_ms, count in side:
            y = round(height * (1 - count / top), 1)
            parts.append(f"H{frame.x(ts_ms):g}V{y:g}")
        line = "".join(parts) + f"H{RIGHT_END}"
        if letter == "a":
            body.append(f'<path class="area-a" d="{line}V{height}Z"/>')
        body.append(f'<path class="line-{letter}" d="{line}"/>')
    body.append(_side_counts(alerts, 30))
    return _lane(words(kind), height + 14, body)


def bar_lane(frame: Frame, kind: str, subject: str | None, alerts: Sequence[list[Shown]]) -> str:
    """The alerts of one kind about one subject (None: the whole tenant), a row of bars for each side."""
    body = [svg_words(kind, 0, 12, "name")]
    if subject is None:
        body.append(svg_words("whole", 0, 28))
    else:
        body.append(f'<text x="0" y="28"><title>{safe(subject)}</title>{safe(fitted(subject))}</text>')
    y = 4
    for letter, shown in zip("ab", alerts, strict=False):
        if len(alerts) > 1:
            body.append(svg_text(letter.upper(), LABEL_WIDTH - 8, y + BAR_HEIGHT + 1, letter, "end"))
        body.append(f'<path class="grid" d="M{LABEL_WIDTH} {y + BAR_HEIGHT / 2:g}H{RIGHT_END}"/>')
        body.append(_bars(frame, shown, y))
        y += BAR_ROW
    tag = f"{words(kind)} · {words('whole') if subject is None else safe(subject)}"
    return _lane(tag, max(y + 6, 38), body)


def cause_lane(frame: Frame, cause: Injected) -> str:
    """One thing that was made to go wrong. An agent it is about is not named."""
    x, width = _stretch(frame, cause.start_ms, cause.end_ms)
    kind = fitted(cause.kind, 13)
    body = [svg_text(kind, 0, 12, "name")]
    beside = 8 * len(kind) + 10
    named = cause.issue or cause.queue or cause.team
    if cause.agent is not None:
        body.append(svg_words("cause.agent", beside, 12))
    elif named is None:
        body.append(svg_words("cause.everyone", beside, 12))
    else:
        told = safe(fitted(named, (LABEL_WIDTH - beside) // 7))
        body.append(f'<text x="{beside}" y="12"><title>{safe(named)}</title>{told}</text>')
    body.append(f'<path class="grid" d="M{LABEL_WIDTH} 8H{RIGHT_END}"/>')
    body.append(f'<rect class="cause-bar" x="{x:g}" y="4" width="{width:g}" height="{BAR_HEIGHT}" rx="2"/>')
    return _lane(safe(cause.kind), 20, body)


def _lane(tag: str, height: float, body: Sequence[str]) -> str:
    """The drawing, and its name as it is shown on a narrow screen: it stays when the lane is moved sideways."""
    return f'<div class="lane"><p class="tag">{tag}</p>{_svg(height, "".join(body))}</div>'


def _svg(height: float, body: str) -> str:
    return f'<svg viewBox="0 {-PAD} {WIDTH} {height + PAD:g}" role="img">{body}</svg>'


def _rule(y: float) -> str:
    return f'<path class="base" d="M{LABEL_WIDTH} {y:g}H{RIGHT_END}"/>'


def _scale(frame: Frame, height: float, top: float) -> str:
    """Lines at the hours, and at nothing, half and all, with the numbers of nothing and all."""
    hours = "".join(f"M{x:g} 0v{height:g}" for x, _ in frame.ticks())
    x = LABEL_WIDTH - 8
    numbers = svg_text(f"{top:g}", x, 4, anchor="end") + svg_text("0", x, height + 3, anchor="end")
    return (
        f'<path class="grid" d="{hours}M{LABEL_WIDTH} 0H{RIGHT_END}M{LABEL_WIDTH} {height / 2:g}H{RIGHT_END}"/>'
        f"{_rule(height)}{numbers}"
    )


def _side_counts(alerts: Sequence[list[Shown]], y: float) -> str:
    if len(alerts) == 1:
        return svg_text(str(len(alerts[0])), 0, y)
    return svg_text(f"A {len(alerts[0])}", 0, y, "a") + svg_text(f"B {len(alerts[1])}", 60, y, "b")


def _stretch(frame: Frame, from_ms: int, to_ms: int) -> tuple[float, float]:
    x = frame.x(from_ms)
    return x, round(max(frame.x(to_ms) - x, 2), 1)  # a moment, too, must be seen


def _bars(frame: Frame, alerts: Sequence[Shown], y: float) -> str:
    """Each alert, in the colour of its severity at that time."""
    out = []
    for alert in alerts:
        ends_ms = [at_ms for at_ms, _ in alert.severities[1:]] + [alert.end_ms(frame.last_ms)]
        steps = "".join(
            f'<rect class="{severity}" x="{x:g}" y="{y:g}" width="{width:g}" height="{BAR_HEIGHT}"/>'
            for (at_ms, severity), end_ms in zip(alert.severities, ends_ms, strict=True)
            for x, width in [_stretch(frame, at_ms, end_ms)]
        )
        told = f"{alert.kind} {alert.subject if alert.subject_type != 'tenant' else ''}".strip()
        out.append(f"<g><title>{safe(f'{told}, {span(alert, frame.zone)}, {alert.severity}')}</title>{steps}</g>")
    return "".join(out)


def _shade(frame: Frame, causes: Sequence[Injected], height: float) -> str:
    """Where any of the causes was at work. Those that overlap are one: shades upon each other would hide the lines."""
    stretches: list[list[int]] = []
    for start_ms, end_ms in sorted((cause.start_ms, cause.end_ms) for cause in causes):
        if stretches and start_ms <= stretches[-1][1]:
            stretches[-1][1] = max(stretches[-1][1], end_ms)
        else:
            stretches.append([start_ms, end_ms])
    return "".join(
        f'<rect class="cause" x="{x:g}" y="0" width="{width:g}" height="{height:g}"/>'
        for start_ms, end_ms in stretches
        for x, width in [_stretch(frame, start_ms, end_ms)]
    )
