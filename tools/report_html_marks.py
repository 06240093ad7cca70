"""Small parts of a drawn day: text made safe, words in both languages, and the frame that all lanes share."""

from __future__ import annotations

import html
import math
import unicodedata
from dataclasses import dataclass
from datetime import timedelta

from tools.backtest_alerts import Shown
from tools.backtest_strain import MINUTE_MS, Line
from tools.backtest_text import Zone, shown
from tools.backtest_words import WORDS

LABEL_WIDTH, PLOT_WIDTH, RIGHT = 204, 916, 24
WIDTH = LABEL_WIDTH + PLOT_WIDTH + RIGHT
NAME_CELLS = 21
"""Latin letters of a name that fit beside a lane, 13 px bold; a Chinese character takes two."""
TICKS_MAX = 16
"""Labels of 40 px with room between them."""
TICK_HOURS = (1, 2, 3, 4, 6, 12, 24, 48, 96, 168, 336, 672)

assert NAME_CELLS * 9 < LABEL_WIDTH


def safe(text: str) -> str:
    """For text and attributes of the page: whatever the ACD called a queue, it is only ever text."""
    return html.escape(shown(text), quote=True)


def words(key: str, **params: object) -> str:
    """In both languages, of which the page shows one. Params are made safe."""
    given = {name: safe(str(value)) for name, value in params.items()}
    en, zh = (html.escape(text).format(**given) for text in WORDS.get(key, (key, key)))
    return f'<span class="en" lang="en">{en}</span><span class="zh" lang="zh-CN">{zh}</span>'


def both(en: str, zh: str) -> str:
    """A text that an alert has in both languages, made safe."""
    return f'<span class="en" lang="en">{safe(en)}</span><span class="zh" lang="zh-CN">{safe(zh)}</span>'


def svg_words(key: str, x: float, y: float, style: str = "", anchor: str = "start", **params: object) -> str:
    """The same inside a drawing."""
    given = {name: safe(str(value)) for name, value in params.items()}
    en, zh = (html.escape(text).format(**given) for text in WORDS.get(key, (key, key)))
    place = f'x="{x:g}" y="{y:g}" text-anchor="{anchor}"'
    return (
        f'<text class="{style} en" lang="en" {place}>{en}</text>'
        f'<text class="{style} zh" lang="zh-CN" {place}>{zh}</text>'
    )


def svg_text(text: str, x: float, y: float, style: str = "", anchor: str = "start") -> str:
    """A text that is the same in all languages, made safe."""
    return f'<text class="{style}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{safe(text)}</text>'


def fitted(name: str, cells: int = NAME_CELLS) -> str:
    """As much of a name as fits into so many cells."""
    name, used = shown(name), 0
    for place, character in enumerate(name):
        used += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if used > cells:
            return name[: max(place - 1, 1)] + "\N{HORIZONTAL ELLIPSIS}"
    return name


@dataclass(frozen=True, slots=True)
class Frame:
    """The time axis: from `first_ms` to `last_ms` over PLOT_WIDTH."""

    first_ms: int
    last_ms: int
    zone: Zone

    def x(self, ts_ms: int) -> float:
        """Place of a moment; beyond the ends it is at the end."""
        inside = min(max(ts_ms, self.first_ms), self.last_ms) - self.first_ms
        return LABEL_WIDTH + round(inside / max(self.last_ms - self.first_ms, 1) * PLOT_WIDTH, 1)

    def ticks(self) -> list[tuple[float, str]]:
        """(place, label) of round local times: hours, and the date where a day begins."""
        hours = (self.last_ms - self.first_ms) / 3_600_000
        step_h = next((step for step in TICK_HOURS if hours / step <= TICKS_MAX), TICK_HOURS[-1])
        at = self.zone.at(self.first_ms)
        midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
        marks = []
        minutes = 60 if hours > 3 else 15
        for number in range(math.ceil((hours + 25) * 60 / minutes)):
            local = midnight + timedelta(minutes=number * minutes * (step_h if minutes == 60 else 1))
            ts_ms = int(local.timestamp()) * 1000
            if ts_ms > self.last_ms:
                break
            if ts_ms >= self.first_ms:
                marks.append((self.x(ts_ms), f"{local:%m-%d}" if local.hour == local.minute == 0 else f"{local:%H:%M}"))
        return marks

    def runs(self, line: Line, height: float, top: float) -> list[list[tuple[int, float]]]:
        """A line as points (x, y), `top` being the value at y = 0; a point a pixel at most, the highest of its time.

        Where values are missing a new run begins.
        """
        apart = math.ceil(MINUTE_MS * PLOT_WIDTH / max(self.last_ms - self.first_ms, 1) * 1.5) + 1
        columns: list[tuple[int, float]] = []
        for minute, value in zip(line.minutes, line.values, strict=True):
            x = round(self.x(minute * MINUTE_MS))
            if columns and columns[-1][0] == x:
                columns[-1] = x, max(columns[-1][1], value)
            else:
                columns.append((x, value))
        runs: list[list[tuple[int, float]]] = []
        for x, value in columns:
            if not runs or x - runs[-1][-1][0] > apart:
                runs.append([])
            runs[-1].append((x, round(height * (1 - min(value, top) / top), 1)))
        return runs


def path(runs: list[list[tuple[int, float]]], floor: float | None = None) -> str:
    """The `d` of a stepped line, or with `floor` of the area down to it. Equal steps are drawn as one."""
    parts = []
    for run in runs:
        (x, y), *rest = run
        parts.append(f"M{x} {y:g}" if floor is None else f"M{x} {floor:g}V{y:g}")
        for next_x, next_y in rest:
            if next_y != y:
                parts.append(f"H{next_x}V{next_y:g}")
                y = next_y
        parts.append(f"H{run[-1][0] + 1}" + ("" if floor is None else f"V{floor:g}Z"))
    return "".join(parts)


def at_once(alerts: list[Shown]) -> list[tuple[int, int]]:
    """(from ms, how many are open) at each change."""
    steps: dict[int, int] = {}
    for alert in alerts:
        steps[alert.from_ms] = steps.get(alert.from_ms, 0) + 1
        if alert.to_ms is not None:
            steps[alert.to_ms] = steps.get(alert.to_ms, 0) - 1
    open_, out = 0, []
    for ts_ms, step in sorted(steps.items()):
        open_ += step
        out.append((ts_ms, open_))
    return out
