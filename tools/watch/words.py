"""What `watch` says, in English and Chinese, and how it keeps other people's text from steering the terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

LANGUAGES = ("en", "zh-CN")
NAME_CHARACTERS_MAX = 200
_STEERING = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Controls, marks of direction, line and paragraph separators, and what has no meaning: a name made of them could
clear the screen, hide an alert or write one that was never sent."""
_JOINER = "\u200d"  # within emoji and some scripts, and harmless


def safe(text: str, most: int = NAME_CHARACTERS_MAX) -> str:
    """A text from outside, fit for a terminal: what could steer it is written out, what is too long is cut."""
    cut = text if len(text) <= most else text[: most - 1] + "…"
    return "".join(c if c == _JOINER or unicodedata.category(c) not in _STEERING else _written(c) for c in cut)


def _written(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def said(language: str, name: str, /, **values: object) -> str:
    """A text of the catalogue."""
    return _TEXTS[language][name].format(**values)


_EN = {
    "connecting": "Connecting to {where}",
    "connected": "Connected. Teams: {teams}",
    "recovered": "Connected again; nothing was missed",
    "replaced": "Connected again; the list of alerts was sent anew",
    "gone": "over meanwhile: {alerts}",
    "lost": "NOT CONNECTED ({why}). Next try in {seconds:.1f} s. What is shown above may be out of date",
    "stale": "BOARD STANDS STILL for {seconds:.0f} s: strain is not being scored. Quiet does not mean calm",
    "silent": "NO EVENTS from the ACD for {seconds:.0f} s. Quiet does not mean calm",
    "no_data": "NO DATA yet: nothing has been scored for these teams",
    "mute": "NOTHING HEARD from the server for {seconds:.0f} s. Quiet does not mean calm",
    "live": "Live again",
    "board": "live, data {age:.0f} s old | alerts: {alerts} | {queues} | break due: {breaks} | {agents} agents",
    "queue": "{name} {strain:.0f} ({waiting} waiting)",
    "no_queue": "no queue",
    "nobody": "nobody",
    "break": "{name} {minutes} min",
    "more": "and {number} more",
    "nothing_open": "none",
    "because": "why",
    "do": "try",
    "owner": "with {name}",
    "of_team": "team {name}",
    "ended": "Ended by the server: {why}",
    "problem": "The server: {why}",
    "notice": "notice",
    "warning": "warning",
    "critical": "CRITICAL",
    "pending": "pending",
    "open": "open",
    "acknowledged": "acknowledged",
    "snoozed": "snoozed",
    "assigned": "assigned",
    "escalated": "escalated",
    "resolved": "resolved",
    "suppressed": "suppressed",
}
_ZH = {
    "connecting": "正在连接 {where}",
    "connected": "已连接。团队：{teams}",
    "recovered": "已重新连接，没有遗漏",
    "replaced": "已重新连接，预警列表已重新发送",
    "gone": "期间已结束：{alerts}",
    "lost": "未连接（{why}）。{seconds:.1f} 秒后重试。上面的内容可能已过时",
    "stale": "看板已停止 {seconds:.0f} 秒：负荷未在计算。安静不等于平静",
    "silent": "ACD 已有 {seconds:.0f} 秒没有事件。安静不等于平静",
    "no_data": "还没有数据：这些团队尚无计算结果",
    "mute": "已有 {seconds:.0f} 秒没有收到服务器的任何消息。安静不等于平静",
    "live": "已恢复实时",
    "board": "实时，数据 {age:.0f} 秒前 | 预警：{alerts} | {queues} | 该休息：{breaks} | {agents} 名坐席",
    "queue": "{name} {strain:.0f}（{waiting} 个等待）",
    "no_queue": "无队列",
    "nobody": "无",
    "break": "{name} {minutes} 分钟",
    "more": "另有 {number} 个",
    "nothing_open": "无",
    "because": "原因",
    "do": "建议",
    "owner": "由 {name} 处理",
    "of_team": "团队 {name}",
    "ended": "服务器已结束连接：{why}",
    "problem": "服务器：{why}",
    "notice": "提示",
    "warning": "警告",
    "critical": "严重",
    "pending": "待定",
    "open": "新",
    "acknowledged": "已确认",
    "snoozed": "已稍后提醒",
    "assigned": "已指派",
    "escalated": "已升级",
    "resolved": "已解决",
    "suppressed": "已合并",
}
_TEXTS: Mapping[str, Mapping[str, str]] = {"en": _EN, "zh-CN": _ZH}
