"""A back-test in words, for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.scoring.core.parameters import LATENESS_S, default_parameters
from tools.backtest_alerts import CHANGES, Difference, Shown
from tools.backtest_measures import AFTER_MS, FORMULA, Judged
from tools.backtest_words import in_english

if TYPE_CHECKING:
    from tools.backtest import Backtest, Side


class Zone:
    """How moments are written. Raises ValueError for a zone that does not exist."""

    def __init__(self, name: str) -> None:
        self.name = name
        try:
            self._zone = ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"no time zone {name!r}; give an IANA name such as Europe/Madrid") from None

    def at(self, ts_ms: int) -> datetime:
        """The moment on the zone's clocks."""
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ts_ms)).astimezone(self._zone)

    def clock(self, ts_ms: int) -> str:
        """Such as 14:05:30."""
        return f"{self.at(ts_ms):%H:%M:%S}"

    def day(self, ts_ms: int) -> str:
        """Such as 2001-03-05."""
        return f"{self.at(ts_ms):%Y-%m-%d}"


def told(found: Backtest, zone: Zone) -> Iterator[str]:
    """The lines."""
    first, sides = found.sides[0].summary, found.sides
    if not first.entries:
        yield "nothing was judged"
        return
    yield (
        f"{first.counts['events']} events in {first.entries} entries, {zone.day(found.first_ms)} "
        f"{zone.clock(found.first_ms)} to {zone.day(found.last_ms)} {zone.clock(found.last_ms)} {zone.name}"
    )
    if len(sides) > 1:
        yield f"A: {shown(sides[0].name)}"
        yield f"B: {shown(sides[1].name)}"
        for key, a, b in settings_that_differ(sides[0], sides[1]):
            yield f"  {shown(key)}: {shown(a)} -> {shown(b)}"
    yield ""
    yield from _table(found)
    yield ""
    if len(sides) > 1:
        yield from _differences(found, zone)
    yield FORMULA
    if found.causes is not None:
        yield f"a false alarm: no known cause, and none that ended within {AFTER_MS // 60_000} min before, explains it"


def _table(found: Backtest) -> Iterator[str]:
    """A row per measure, a column per side."""
    rows = [(f"{'  ' * indent}{in_english(name)}", cells) for indent, name, cells in measures(found)]
    width = max(len(cell) for _, cells in rows for cell in cells) + 3
    if len(found.sides) > 1:
        yield " " * 28 + "".join(letter.rjust(width) for letter in "AB")
    for name, cells in rows:
        yield name.ljust(28) + "".join(cell.rjust(width) for cell in cells)


def measures(found: Backtest) -> Iterator[tuple[int, str, list[str]]]:
    """(indent, name in the words or kind of alert, a cell for each side)."""
    sides = found.sides
    by_kind = [Counter(alert.kind for alert in side.alerts) for side in sides]
    yield 0, "alerts", [str(len(side.alerts)) for side in sides]
    for kind in sorted(set().union(*by_kind)):
        yield 1, kind, [str(counts[kind]) for counts in by_kind]
    yield 1, "critical", [str(sum(alert.severity == "critical" for alert in side.alerts)) for side in sides]
    if any(side.book.suppressed for side in sides):
        yield 0, "suppressed", [str(side.book.suppressed) for side in sides]
    loads = [side.load for side in sides if side.load is not None]
    yield 0, "leads", [str(load.leads) for load in loads]
    yield 0, "per_lead_hour", [number(load.per_lead_hour) for load in loads]
    judged = [side.judged for side in sides if side.judged is not None]
    if judged:
        yield 0, "causes_found", [f"{one.found} / {one.causes}" for one in judged]
        yield 1, "delay", ["-" if one.delay_p50_s is None else f"{one.delay_p50_s:.0f} s" for one in judged]
        yield 0, "false_alarms", [str(one.false) for one in judged]
        yield 0, "between_false", [_between(one) for one in judged]


def number(value: float | None) -> str:
    """Three figures are as many as a day can tell."""
    return "-" if value is None else f"{value:.3g}"


def _between(judged: Judged) -> str:
    """Hours between false alarms; without any, more than the log is long."""
    hours = judged.hours_between_false
    return f"> {number(judged.hours)}" if hours is None else number(hours)


def _differences(found: Backtest, zone: Zone) -> Iterator[str]:
    counts = Counter(difference.change for difference in found.differences)
    yield "from A to B: " + ", ".join(f"{counts[change]} {_COUNTED[change]}" for change in CHANGES)
    for change in CHANGES[:-1]:
        if counts[change]:
            yield ""
            yield f"{_COUNTED[change]}:"
        for difference in found.differences:
            if difference.change == change:
                yield f"  {_line(difference, zone)}"
    yield ""


_COUNTED = {"comes": "come", "goes": "go", "moves": "move", "stays": "stay as they are"}


def _line(difference: Difference, zone: Zone) -> str:
    a, b, alert = difference.a, difference.b, difference.alert
    start = f"{zone.day(alert.from_ms)} {span(alert, zone)}  {alert.kind}  {shown(alert.subject)}"
    if a is None or b is None:
        return f"{start}  {alert.severity}"
    return f"{start}: {'; '.join(moved(a, b, zone))}"


def span(alert: Shown, zone: Zone) -> str:
    """From and to, in hours and minutes of the zone."""
    return f"{zone.clock(alert.from_ms)}-{'still open' if alert.to_ms is None else zone.clock(alert.to_ms)}"


def moved(a: Shown, b: Shown, zone: Zone) -> Iterator[str]:
    """What moved from one to the other."""
    if a.from_ms != b.from_ms:
        yield f"opens {zone.clock(b.from_ms)} ({later(b.from_ms - a.from_ms)})"
    if a.to_ms != b.to_ms:
        if b.to_ms is None:
            yield "stays open"
        else:
            by = "" if a.to_ms is None else f" ({later(b.to_ms - a.to_ms)})"
            yield f"resolved {zone.clock(b.to_ms)}{by}"
    if a.severity != b.severity:
        yield f"{a.severity} -> {b.severity}"


def later(ms: int) -> str:
    """Such as `+2 min` or `-30 s`."""
    return f"{ms / 1000:+.0f} s" if abs(ms) < 120_000 else f"{ms / 60_000:+.0f} min"


def shown(text: str) -> str:
    """A name without control and format characters, which could move a terminal's cursor or turn the line around."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def settings_that_differ(a: Side, b: Side) -> list[tuple[str, str, str]]:
    """(key, value in A, value in B); of a key that a file does not have, the default where there is one."""
    if a.parameters is None or b.parameters is None:
        return []
    a_flat, b_flat = _flat(a.parameters.document), _flat(b.parameters.document)
    rules = _default_rules()
    return [
        (key, left, right)
        for key in sorted({*a_flat, *b_flat} - {"revision"})
        if (left := a_flat.get(key, rules.get(key, "-"))) != (right := b_flat.get(key, rules.get(key, "-")))
    ]


def _default_rules() -> dict[str, str]:
    """The built-in value of every key that stands outside the tables of tenants."""
    scope = default_parameters().scope("")
    tables = {"alerts": scope.alerts, "drivers": {"agent": scope.agent, "queue": scope.queue}, "surges": scope.surges}
    return _flat(tables) | {"lateness_s": f"{LATENESS_S.default:g}"}


def _flat(table: Mapping[str, Any], path: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in table.items():
        name = f'"{name}"' if "." in name else name  # as the file has it
        key = f"{path}.{name}" if path else name
        if isinstance(value, Mapping):
            flat |= _flat(value, key)
        else:
            flat[key] = f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
    return flat
