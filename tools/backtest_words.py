"""Words of a back-test in English and Chinese (zh-CN). Every text is about the work, never about a person."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    # measures
    "alerts": ("alerts", "提醒数"),
    "critical": ("critical", "其中严重"),
    "suppressed": ("suppressed, never shown", "被合并而未显示"),
    "leads": ("leads", "班组长数"),
    "per_lead_hour": ("alerts per lead and hour", "每位班组长每小时提醒数"),
    "causes_found": ("causes found", "发现的已知原因"),
    "delay": ("delay, median", "发现延迟中位数"),
    "false_alarms": ("false alarms", "误报数"),
    "between_false": ("hours between false alarms", "误报间隔（小时）"),
    # kinds
    "queue.strain": ("queue.strain", "队列压力"),
    "queue.surge": ("queue.surge", "队列来电激增"),
    "issue.surge": ("issue.surge", "问题激增"),
    "agent.strain": ("agent.strain", "坐席负荷"),
    "agent.hard_streak": ("agent.hard_streak", "连续棘手来电"),
    "agent.break_due": ("agent.break_due", "应当休息"),
    "team.strain": ("team.strain", "班组压力"),
    "feed.silent": ("feed.silent", "数据中断"),
    "campaign.over_contact": ("campaign.over_contact", "外呼过于频繁"),
    "agent.recognition": ("agent.recognition", "值得肯定"),
    # told once
    "queue.strain.settled": ("handle times: new usual", "处理时长：新常态"),
    "queue.surge.settled": ("arrivals: new usual", "来电量：新常态"),
    "issue.surge.settled": ("issue: new usual", "问题：新常态"),
    # the page
    "title.one": ("The day, replayed", "这一天的回放"),
    "title.two": ("The same day under two settings", "同一天，两套设置"),
    "events": ("{events} events", "{events} 个事件"),
    "side": ("settings", "设置"),
    "defaults": ("built-in defaults", "内置默认值"),
    "own": ("the log's own settings", "日志自带的设置"),
    "differ": ("Settings that differ", "不同的设置项"),
    "key": ("key", "设置项"),
    "measures": ("In numbers", "数字对比"),
    "formula": (
        "Alerts per lead and hour = (alerts of a team + leads × alerts without a team) ÷ (leads × hours). Leads are "
        "the distinct teams, at least one, unless a number was given; what has no team reaches every lead.",
        "每位班组长每小时提醒数 =（班组提醒数 + 班组长数 × 无班组提醒数）÷（班组长数 × 小时数）。"
        "未指定时，班组长数为班组数（至少为 1）；没有班组的提醒会发给每一位班组长。",
    ),
    "false.means": (
        "A false alarm: no known cause explains it, nor one that ended within {minutes} min before.",
        "误报：没有任何已知原因可以解释（包括 {minutes} 分钟内刚结束的原因）。",
    ),
    "changes": ("Alerts that come, go or move", "新增、消失或变化的提醒"),
    "changes.agents": (
        "Alerts about agents are counted, not listed.",
        "关于坐席的提醒只计数，不逐条列出。",
    ),
    "changes.more": ("{count} more: see the comparison in words.", "另有 {count} 条，见文字对比。"),
    "changes.rest": ("show {count} more", "再显示 {count} 条"),
    "changes.none": ("Nothing comes, goes or moves.", "没有变化。"),
    "change": ("change", "变化"),
    "kind": ("kind", "类型"),
    "subject": ("about", "对象"),
    "severity": ("highest severity", "最高级别"),
    "comes": ("comes", "新增"),
    "goes": ("goes", "消失"),
    "moves": ("moves", "变化"),
    "stays": ("stays", "不变"),
    "open": ("still open", "仍未结束"),
    "notice": ("notice", "提示"),
    "warning": ("warning", "警告"),
    "critical.word": ("critical", "严重"),
    "queues": ("Queues under most strain", "压力最大的队列"),
    "queues.note": (
        "Strain 0 to 100 at each minute, the {count} of {of} queues with the most strain-minutes; below each, its "
        "alerts. Dashed: the line at which an alert opens.",
        "每分钟的压力值（0 至 100），按压力值 × 分钟取前 {count} 个队列（共 {of} 个）；下方为该队列的提醒。"
        "虚线为提醒触发线。",
    ),
    "queues.none": ("No queue was known.", "没有已知队列。"),
    "minutes": ("strain-min", "压力·分钟"),
    "agents": ("Agents at work, together", "在岗坐席整体"),
    "agents.note": (
        "How strain is spread over a group: half are at or below the median, nine in ten at or below the next line. "
        "Groups, and minutes, with fewer than five at work are left out. Nobody is named or ranked.",
        "压力值在一组坐席中的分布：一半不高于中位数，九成不高于 p90。在岗少于五人的组和时段不显示。"
        "不显示姓名，也不排名。",
    ),
    "agents.none": ("There never were five agents at work together.", "没有五人同时在岗的时段。"),
    "agents.more": ("{count} more teams are not drawn.", "另有 {count} 个班组未画出。"),
    "all.agents": ("All agents", "全部坐席"),
    "median": ("median", "中位数"),
    "p90": ("p90", "p90"),
    "max": ("highest", "最高"),
    "alerts.open": ("Alerts over the day", "全天提醒"),
    "alerts.note": (
        "About queues and agents: how many are open at once. About anything else, and what is told once: each as a "
        "bar.",
        "队列和坐席：同时未结束的提醒数量。其他以及只告知一次的：每条为一条横条。",
    ),
    "issues": ("Issues behind the surges", "激增背后的问题"),
    "issues.note": (
        "What the surge alerts named as their causes, each where it was at its most.",
        "激增提醒所指出的原因，均为其最高时的数值。",
    ),
    "issue": ("issue", "问题"),
    "issue.queues": ("surge of", "激增的队列"),
    "issue.excess": ("contacts above the usual", "超出常态的来电数"),
    "issue.words": ("in words", "说明"),
    "issues.more": ("{count} more issues are not listed.", "另有 {count} 个问题未列出。"),
    "alerts.none": ("No alert opened.", "没有提醒。"),
    "more": ("and {count} more", "另有 {count} 个"),
    "whole": ("whole tenant", "整个租户"),
    "causes": ("What was made to go wrong", "已知原因"),
    "cause.everyone": ("everybody", "全体"),
    "cause.agent": ("an agent", "一名坐席"),
    "zone": ("Times: {zone}", "时间：{zone}"),
    "foot": (
        "Strain says how much work weighs on a queue or a group, from events of the contact centre. "
        "It says nothing about how a person is or works, and is no ground for a decision about one.",
        "压力值根据联络中心事件反映队列或班组的工作负荷，不评价个人，也不应作为针对个人的决定依据。",
    ),
}


def in_english(key: str) -> str:
    """A word of the list; a kind of alert that is newer than the list stands for itself."""
    return WORDS.get(key, (key, key))[0]
