"""What a channel says about a change of an alert: a title and a plain text, in the language of its route.

It says what the alert says and nothing more: no owner, no note of a lead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from services.notify.core.routing import Language, phase_told, told_once
from services.notify.core.told import ToldAlert

DRIVERS_SHOWN = 3
"""The largest ones; who wants all opens the board."""

LINE_MAX = 300
"""Characters of a title or a line: a name of 200 characters and the words around it."""
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]+")
"""Line ends, controls, and what turns the direction of text: a name could forge a line or a header with them."""
_CALLS = re.compile(r"<(?=[!@])|@(?=(?:all|channel|everyone|here|所有人)\b)", re.IGNORECASE)
"""What calls a whole chat room when it stands in a name."""

_SEVERITY = {"notice": "提示", "warning": "警告", "critical": "紧急"}
_PHASE = {
    "en": {
        "escalated": "nobody has taken it yet",
        "resolved": "over",
        "acknowledged": "somebody is on it",
        "assigned": "somebody is on it",
        "snoozed": "put off for a while",
    },
    "zh-CN": {
        "escalated": "尚无人处理",
        "resolved": "已结束",
        "acknowledged": "已有人处理",
        "assigned": "已有人处理",
        "snoozed": "已暂缓",
    },
}


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to send. `data` is the alert as JSON, for receivers that are programs."""

    id: str
    type: str
    timestamp: str
    data: bytes
    severity: str
    title: str
    text: str


def harmless(text: str) -> str:
    """One line of text that is shown as it is: names come from an ACD, which may hold anything."""
    seen = _UNSEEN.sub(" ", text)
    return _CALLS.sub(lambda found: "\uff1c" if found[0] == "<" else "\uff20", seen)[:LINE_MAX]


def title_of(alert: ToldAlert, language: Language) -> str:
    """Severity and what stands out of its life, then the alert's own title."""
    phase = _PHASE[language].get(phase_told(alert))
    if language == "zh-CN":
        marks = [_SEVERITY.get(alert.severity, alert.severity), *([phase] if phase else [])]
        return harmless(f"【{'·'.join(marks)}】{alert.title_zh}")
    return harmless(f"[{', '.join([alert.severity, *([phase] if phase else [])])}] {alert.title}")


def text_of(alert: ToldAlert, language: Language, zone: tzinfo, public_url: str | None) -> str:
    """A few lines: strain with its largest reasons, something kind to do, since when, and where to look."""
    chinese, over = language == "zh-CN", alert.phase == "resolved" and not told_once(alert)
    lines: list[str] = []
    drivers = sorted((d for d in alert.drivers if d.share > 0), key=lambda d: -d.share)[:DRIVERS_SHOWN]
    if drivers and not over:
        lines.append(f"压力值 {alert.strain:.0f}（最高 100）：" if chinese else f"Strain {alert.strain:.0f} of 100:")
        lines += [f"- {driver.text_zh if chinese else driver.text}" for driver in drivers]
    if not over:
        lines.append(f"建议：{alert.action.text_zh}" if chinese else f"What may help: {alert.action.text}")
    if alert.team is not None:
        lines.append(f"团队：{alert.team}" if chinese else f"Team: {alert.team}")
    since = _clock(alert.opened_at, zone)
    if over:
        until = _clock(alert.updated_at, zone)
        lines.append(f"时间：{since} 至 {until}" if chinese else f"From {since} to {until}")
    else:
        lines.append(f"开始时间：{since}" if chinese else f"Since {since}")
    lines = [harmless(line) for line in lines]
    if public_url:
        lines.append(f"查看看板：{public_url}" if chinese else f"Open the board: {public_url}")
    return "\n".join(lines)


def message_of(
    alert: ToldAlert, data: bytes, id: str, language: Language, *, zone: tzinfo = UTC, public_url: str | None = None
) -> Message:
    """The message about a change. `data` is the change as it stands in the log."""
    return Message(
        id=id,
        type="alert.changed",
        timestamp=alert.updated_at,
        data=data,
        severity=alert.severity,
        title=title_of(alert, language),
        text=text_of(alert, language, zone, public_url),
    )


def _clock(at: str, zone: tzinfo) -> str:
    try:
        return datetime.fromisoformat(at).astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")
    except ValueError:
        return at
