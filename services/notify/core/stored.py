"""What is kept about an agent, in words for that agent."""

from __future__ import annotations

from shared.contract.own import Stored
from shared.log import Retention


def stored_about_an_agent(kept: Retention) -> list[Stored]:
    """Everything, the longest last but for what newer takes the place of."""
    return [
        Stored("Your strain each second, with its reasons", "每秒的负荷及其原因", kept.signals_entries),
        Stored(
            "The events of your phone system: contacts, states, check-ins. No audio, no text, and no customer's number",
            "话务系统的事件：联络、状态和您的反馈。不含录音、文字和客户号码",
            kept.events_ms // 1000,
        ),
        Stored("Your strain each minute, in whole points", "每分钟的负荷（整数）", kept.history_ms // 1000),
        Stored("Alerts about you, and what was done about them", "与您有关的提醒及处理情况", kept.alerts_ms // 1000),
        Stored(
            "That you checked in, and that somebody supported you: when and who, not what was said",
            "您做过反馈、有人支持过您：只记时间和人，不记内容",
            kept.audit_ms // 1000,
        ),
        Stored(
            "How long your last contacts of each queue and issue took, to compare you with yourself and nobody else",
            "您在各队列、各类问题上最近若干次联络的时长，只与您自己比较",
            None,
        ),
    ]
