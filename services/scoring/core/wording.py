"""Words for drivers, alerts and suggested actions, in English and Chinese (zh-CN), from codes and numbers.

Every text is about the work, never about the person; what is suggested supports, it never corrects.
"""

from __future__ import annotations

from collections.abc import Callable

Texts = tuple[str, str]


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.0f}" if abs(value) >= 10 or value == round(value) else f"{value:.1f}"


def _minutes(value_s: float | None) -> Texts:
    if value_s is None:
        return "–", "–"
    if value_s < 90:
        return f"{value_s:.0f} s", f"{value_s:.0f} 秒"
    return f"{value_s / 60:.0f} min", f"{value_s / 60:.0f} 分钟"


def _seconds_text(en: str, zh: str) -> Callable[[float | None], Texts]:
    def render(value: float | None) -> Texts:
        told_en, told_zh = _minutes(value)
        return en.format(told_en), zh.format(told_zh)

    return render


def _number_text(en: str, zh: str) -> Callable[[float | None], Texts]:
    def render(value: float | None) -> Texts:
        told = _number(value)
        return en.format(told), zh.format(told)

    return render


def _last_text(
    render: Callable[[float | None], Texts], usual: float, en: str, zh: str
) -> Callable[[float | None], Texts]:
    """Of many contacts by the measure of the last one; without it where that one was as usual: it explains nothing."""
    return lambda value: (en, zh) if value is None or value <= usual else render(value)


def _known_text(render: Callable[[float | None], Texts], en: str, zh: str) -> Callable[[float | None], Texts]:
    """Of measures that are assumed while nothing has been measured: then that is said instead."""
    return lambda value: (en, zh) if value is None else render(value)


def _felt_text(en: str, zh: str) -> Callable[[float | None], Texts]:
    """What is still felt fades, so its number is seldom whole: told as a person would count it."""

    def render(value: float | None) -> Texts:
        count = round(value or 0)
        told_en, told_zh = (f"about {count}", f"约 {count}") if count else ("less than 1", "不到 1")
        if value is None:
            told_en = told_zh = "–"
        return en.format(told_en, s="" if count <= 1 else "s"), zh.format(told_zh)

    return render


_DRIVERS: dict[str, Callable[[float | None], Texts]] = {
    "occupancy": _number_text(
        "on contact {} % of staffed time in the last 30 min", "过去 30 分钟内 {}% 的在岗时间都在通话"
    ),
    "handle_time": _last_text(
        _number_text("last contact took {} x their own usual time", "最近一通用时为本人平常的 {} 倍"),
        1.0,
        "contacts lately took longer than their own usual time",
        "近期通话用时长于本人平常",
    ),
    "repeat_callers": _felt_text(
        "{} caller{s} came back about the same issue lately", "近期有{} 位客户因同一问题再次来电"
    ),
    "complaints": _felt_text("{} hard contact{s} (complaint or abuse) lately", "近期有{} 通投诉或辱骂来电"),
    "excess_wait": _last_text(
        _seconds_text("callers arrive {} later than they expected", "客户比预期多等了 {}"),
        0.0,
        "callers lately waited longer than they expected",
        "近期客户的等待超出预期",
    ),
    "queue_pressure": _number_text("the queue served stands at strain {}", "所服务队列的压力值为 {}"),
    "since_break": _number_text("{} min of work since the last real break", "距上次真正休息已工作 {} 分钟"),
    "recovery_gap": _felt_text("{} contact{s} lately came with hardly a pause before", "近期有{} 通来电几乎没有间歇"),
    "same_issue": _number_text("{} hard contacts in a row about the same issue", "连续 {} 通棘手来电都是同一问题"),
    "unsupported": _number_text("{} h of work since a lead last spoke with them", "距组长上次沟通已工作 {} 小时"),
    "quality_checks": _number_text("a quality check came at strain {}", "质检时的压力值为 {}"),
    "check_in": _number_text("their own report: load {} of 5", "本人反馈的负荷为 {}(最高 5)"),
    "predicted_wait": _seconds_text("a caller who joins now waits about {}", "现在进线预计等待约 {}"),
    "offered_load": _number_text(
        "work offered is {} % of what the agents here can take", "来电工作量为在岗人员可承接量的 {}%"
    ),
    "recent_waits": _known_text(
        _seconds_text("callers of the last minutes waited {} on average", "最近几分钟客户平均等待 {}"),
        "no wait has ended in the last minutes: the usual is assumed",
        "最近几分钟没有等待结束：按平常估计",
    ),
    "service_level": _known_text(
        _number_text("{} % answered within the goal time", "{}% 的来电在目标时间内接通"),
        "hardly a caller was answered lately: the usual service level is assumed",
        "近期几乎没有来电接通：按平常的服务水平估计",
    ),
    "abandonment": _known_text(
        _number_text("{} % of callers leave before they are answered", "{}% 的客户在接通前挂断"),
        "hardly a caller came or left lately: the usual is assumed",
        "近期几乎没有来电：按平常的挂断比例估计",
    ),
    "repeat_share": _number_text("{} % of callers call again about the same issue", "{}% 的客户因同一问题再次来电"),
    "arrivals_surge": _number_text("contacts come in at {} % of the usual", "来电量为平常的 {}%"),
    "staffing": _number_text("about {} agents would keep the wait short", "约需 {} 人在岗才能保持较短等待"),
}

_TITLES: dict[str, Texts] = {
    "queue.strain": ("Queue {subject} is under strain", "队列 {subject} 压力偏高"),
    "agent.strain": ("{subject} has had a heavy stretch and could use support", "{subject} 连续高负荷，需要支持"),
    "queue.surge": ("Queue {subject} gets more contacts than usual", "队列 {subject} 的来电多于平常"),
    "issue.surge": ("Issue {subject} comes up more often than usual", "问题 {subject} 出现得比平常多"),
    "feed.silent": ("No events for {silence}: the board may be blind", "已有 {silence} 未收到事件：看板可能失去数据"),
    "feed.late": (
        "Events arrive {silence} old: check the ACD's clock or time zone",
        "收到的事件已过时 {silence}：请检查话务系统的时钟或时区",
    ),
    "agent.hard_streak": ("{subject} has had one hard contact after another", "{subject} 接连处理了多通棘手来电"),
    "agent.break_due": ("A real break is due for {subject}", "{subject} 该好好休息一下了"),
    "agent.recognition": (
        "{subject} came through a hard stretch well: a good moment for a thank you",
        "{subject} 妥善应对了一段棘手来电：现在正适合说声谢谢",
    ),
    "team.strain": ("Team {subject} as a whole is under strain", "班组 {subject} 整体压力偏高"),
    "campaign.over_contact": (
        "Campaign {subject} contacted the same person {count} times within 7 days",
        "外呼活动 {subject} 在 7 天内联系同一位客户 {count} 次",
    ),
}

ACTIONS: dict[str, Texts] = {
    # What to say with each stands in `wording_say`.
    "queue.predicted_wait": (
        "Switch on position or call-back announcements and ask who can help out on this queue.",
        "开启排队位置播报或回拨选项，并看看谁可以支援该队列。",
    ),
    "queue.offered_load": (
        "More work comes in than the agents here can take: move flexible agents over, or offer call-backs.",
        "来电量超过在岗人员的承接能力：调配可机动人员，或提供回拨。",
    ),
    "queue.recent_waits": (
        "Tell callers the expected wait and prepare the team: an apology first saves time.",
        "向客户播报预计等待时间，并提醒团队：先致歉可以缩短通话。",
    ),
    "queue.service_level": (
        "Shift breaks a little apart rather than cancelling them, and offer call-backs until it eases.",
        "把休息时间错开而不是取消，并在缓解前提供回拨。",
    ),
    "queue.abandonment": (
        "Callers give up: offer a call-back so that nobody has to try again.",
        "客户正在放弃等待：提供回拨，避免重复来电。",
    ),
    "queue.repeat_share": (
        "More callers than usual come back: find out what stays unsolved, and tell the team what to say about it.",
        "重复来电多于平常：查明未解决的问题，并告知团队如何答复。",
    ),
    "queue.staffing": (
        "More people are needed here for a while: ask for help from other queues, or offer call-backs.",
        "此队列暂时需要更多人手：请其他队列支援，或提供回拨。",
    ),
    "queue.arrivals_surge": (
        "More contacts than usual come in: ask who can help out here, and find out what it is about.",
        "来电多于平常：看看谁可以支援，并查明原因。",
    ),
    "surge.staff": (
        "More contacts than usual, and no single issue explains it: ask who can help out here for a while.",
        "来电多于平常，且没有单一原因：看看谁可以暂时支援。",
    ),
    "surge.announce": (
        "Announce the cause where callers wait, tell the team what to answer, and pass it on to who can solve it.",
        "在排队语音中说明原因，告知团队如何答复，并反馈给能解决的团队。",
    ),
    "surge.plan": (
        "Plan staff with the new numbers; nothing needs to be done right now.",
        "请按新的来电量安排人手；目前无需处理。",
    ),
    "agent.break": (
        "Offer a real break now, away from the desk, and cover meanwhile.",
        "现在请对方离席休息一下，期间安排接替。",
    ),
    "agent.talk": (
        "Offer a few minutes to talk it over, and a short pause before the next contact.",
        "花几分钟聊一聊，并请对方先缓一缓再接下一通。",
    ),
    "agent.lighten": (
        "Give some lighter work for half an hour, or let the repeat cases go to a second pair of hands.",
        "安排半小时较轻松的工作，或把重复来电交给同事协助。",
    ),
    "agent.help": (
        "Ask whether something new makes these contacts long, and join if it helps.",
        "问问是否有新情况让处理变长，需要时一起处理。",
    ),
    "agent.variety": (
        "Mix in other work for a while: the same hard issue came again and again. Pass it on to who can solve it.",
        "安排一段时间的其他工作：同一棘手问题反复出现。并把它反馈给能解决的团队。",
    ),
    "agent.support": (
        "Say hello, and listen for two minutes.",
        "过去打个招呼，听两分钟。",
    ),
    "agent.pause_checks": (
        "Let quality checks wait until it has eased, and say so.",
        "等压力缓解后再做质检，并告诉对方。",
    ),
    "agent.ease": (
        "Offer a short real break or a few minutes to talk, and let easier contacts come first for a while.",
        "请安排一次短暂离席休息，或花几分钟聊一聊，接下来先分配较轻松的来电。",
    ),
    "agent.break_now": (
        "Let them step away now for ten to fifteen minutes, and cover their queue.",
        "现在请对方离席休息十到十五分钟，期间安排接替。",
    ),
    "agent.thank": (
        "Say thank you, and name what went well.",
        "说声谢谢，并说出做得好的地方。",
    ),
    "team.breaks": (
        "Spread the next breaks so that everybody gets one within the hour; let meetings and quality checks wait.",
        "错开安排接下来的休息，让每个人一小时内都能休息一次；会议和质检可以稍后再做。",
    ),
    "team.relief": (
        "More comes in than the team can carry: ask other teams for help, offer call-backs, and keep the breaks.",
        "来电超过班组的承受能力：请其他班组支援、提供回拨，并保留大家的休息时间。",
    ),
    "team.huddle": (
        "Bring the team together for five minutes on the hard contacts: what helps, and who can take which over.",
        "用五分钟和班组一起聊聊棘手来电：怎样应对更好，哪些可以转给谁。",
    ),
    "campaign.pause": (
        "Let people who were contacted this often rest from the list for a week, and check the campaign's retry rule.",
        "请将联系次数较多的客户从名单中暂停一周，并检查该外呼活动的重拨规则。",
    ),
    "team.briefing": (
        "One new issue takes long, the others do not: brief the team on what it is, what to answer and whom to ask.",
        "只有一个新问题用时较长，其他都正常：请向团队说明这个问题是什么、怎么答复、可以找谁。",
    ),
    "handle_times.plan": (
        "Plan staff with the new handle times, and ask the team what has changed; nothing is urgent.",
        "请按新的处理时长安排人手，并向团队了解有何变化；并不紧急。",
    ),
    "feed.check": (
        "Check that the ACD still sends events; until then, do not read calm into this board.",
        "请检查话务系统是否仍在发送事件；在此之前，请勿认为看板平静就是没有问题。",
    ),
}

_AGENT_ACTIONS = {
    "occupancy": "agent.break",
    "since_break": "agent.break",
    "complaints": "agent.talk",
    "repeat_callers": "agent.lighten",
    "handle_time": "agent.help",
    "excess_wait": "agent.break",
    "queue_pressure": "agent.break",
    "recovery_gap": "agent.break",
    "same_issue": "agent.variety",
    "unsupported": "agent.support",
    "quality_checks": "agent.pause_checks",
    "check_in": "agent.support",
}


_TEAM_ACTIONS = {
    **dict.fromkeys(("occupancy", "recovery_gap", "excess_wait", "queue_pressure"), "team.relief"),
    **dict.fromkeys(("complaints", "repeat_callers", "handle_time", "same_issue"), "team.huddle"),
}


def driver_text(name: str, value: float | None) -> Texts:
    """What a driver says with its value."""
    return _DRIVERS[name](value)


def longer_in_queue(queue: str, percent: float) -> Texts:
    """Headline: contacts of a queue have taken another time for days, in % of what was usual before."""
    return (
        f"Contacts of {queue} have taken {percent:.0f} % of their usual time for days: that is the usual from here on",
        f"{queue} 的处理时长已连续数日为以往的 {percent:.0f}%：今后以此为常态",
    )


def longer_everywhere(percent: float) -> Texts:
    """The same of all contacts of an organisation."""
    return (
        f"Contacts have taken {percent:.0f} % of their usual time for days, in most queues: "
        "that is the usual from here on",
        f"多数队列的处理时长已连续数日为以往的 {percent:.0f}%：今后以此为常态",
    )


def cause_text(issue: str, observed: float, expected: float, repeat_share: float | None, cost: float) -> Texts:
    """What an issue has to do with a surge: contacts since it began, the usual, repeats, strain-minutes."""
    en = f"{observed:.0f} contacts about {issue} since it began, usually {_number(expected)}"
    zh = f"开始以来有 {observed:.0f} 通关于 {issue} 的来电，平常为 {_number(expected)} 通"
    if repeat_share:
        en += f"; {100 * repeat_share:.0f} % came back"
        zh += f"；其中 {100 * repeat_share:.0f}% 为重复来电"
    if cost >= 1.0:
        en += f"; it has cost {cost:.0f} strain-minutes so far"
        zh += f"；至今累计 {cost:.0f} 压力分钟"
    return en, zh


def rest_text(contacts: float) -> Texts:
    """Contacts beyond the usual that no issue explains."""
    return (
        f"{contacts:.0f} contacts more than usual that no issue explains (yet)",
        f"另有 {contacts:.0f} 通多出的来电（尚）无问题可以解释",
    )


def settled_title(subject: str, percent: float) -> Texts:
    """Headline of a deviation that lasted for days, in % of what was usual before."""
    return (
        f"{subject} has stayed at {percent:.0f} % of its usual contacts for days: that is the usual from here on",
        f"{subject} 的来电已连续数日为以往的 {percent:.0f}%：今后以此为常态",
    )


def title(code: str, subject: str, silence_s: float = 0.0, count: int = 0) -> Texts:
    """Headline of an alert. Names are put in as they are; a name is never read as a format."""
    en, zh = _TITLES[code]
    silence_en, silence_zh = _minutes(silence_s)
    return (
        en.replace("{silence}", silence_en).replace("{count}", str(count)).replace("{subject}", subject),
        zh.replace("{silence}", silence_zh).replace("{count}", str(count)).replace("{subject}", subject),
    )


def queue_action(strongest: str | None) -> str:
    """What to suggest for a queue, from its strongest driver."""
    return f"queue.{strongest or 'predicted_wait'}"


def agent_action(strongest: str | None, new_issue: bool = False) -> str:
    """What to suggest for an agent, from the strongest driver.

    `new_issue`: the long contacts were all about one issue that is new, see `Agents.long_on_new_issue`.
    """
    if new_issue and strongest == "handle_time":
        return "team.briefing"
    return _AGENT_ACTIONS.get(strongest or "", "agent.break")


def team_action(strongest: str | None) -> str:
    """What to suggest for a team, from the strongest driver of its mean."""
    return _TEAM_ACTIONS.get(strongest or "", "team.breaks")
