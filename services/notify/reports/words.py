"""Headings and labels of the report's page: each in English and Chinese."""

from __future__ import annotations

from typing import Literal

Language = Literal["en", "zh-CN"]
LANGUAGES: tuple[Language, ...] = ("en", "zh-CN")

WORDS: dict[str, tuple[str, str]] = {
    "title": ("Shift report", "班次报告"),
    "of": ("{tenant}, {from_} to {to}", "{tenant}，{from_} 至 {to}"),
    "zone": ("Times in {zone}", "时区：{zone}"),
    "teams": ("Teams: {teams}", "团队：{teams}"),
    "every_team": ("all", "全部"),
    "partly": (
        "{known} of {whole} minutes were counted; what came in the others is not in here.",
        "已统计 {whole} 分钟中的 {known} 分钟；其余时间不在报告中。",
    ),
    "nothing": (
        "Nothing was counted in this time. Choose another period, or look whether events arrive.",
        "此时段没有统计数据。请选择其他时段，或检查事件是否到达。",
    ),
    "alerts_cut": ("There were more alerts than fit here; the latest are missing.", "提醒过多，最新的未列出。"),
    "at_a_glance": ("At a glance", "概览"),
    "contacts": ("Contacts", "联络"),
    "offered": ("Contacts came", "来电量"),
    "against_usual": ("Against usual", "与平常相比"),
    "in_time": ("Answered in time", "及时接起"),
    "mean_wait": ("Mean wait", "平均等待"),
    "abandoned": ("Left unanswered", "未接听"),
    "repeats": ("Repeats", "重复来电"),
    "repeat_share": ("{share} of contacts", "占联络的 {share}"),
    "resolved": ("Resolved", "已解决"),
    "value": ("Value found", "创造的价值"),
    "surged": ("What surged, and why", "激增及原因"),
    "no_surges": ("Nothing surged.", "没有激增。"),
    "since": ("since {from_}", "{from_} 起"),
    "until": ("{from_} to {to}", "{from_} 至 {to}"),
    "taken_up": ("{by} took it up after {after}", "{by} 在 {after} 后跟进"),
    "nobody": ("not taken up", "未跟进"),
    "escalated": ("escalated", "已升级"),
    "escalations": ("Escalated", "已升级"),
    "issues": ("Issues, by what they cost", "按代价排列的问题"),
    "no_issues": ("No contact named an issue.", "没有联络注明问题。"),
    "issue": ("Issue", "问题"),
    "cost": ("Cost", "代价"),
    "waiting": ("Waiting", "等待"),
    "strain_minutes": ("Strain-minutes", "负荷分钟"),
    "cost_note": (
        "Cost is the mean of an issue's shares of all waiting, of all repeats and of all strain-minutes. A "
        "strain-minute is one minute of handling for each point of strain (0 to 100) that the queue had when the "
        "contact arrived. Against usual compares mentions with the same hours of earlier weeks, over all queues.",
        "代价为该问题占全部等待、全部重复来电和全部负荷分钟之份额的平均值。"
        "负荷分钟等于联络到达时队列的负荷（0 至 100）乘以处理分钟数。"
        "“与平常相比”将所有队列的提及次数与前几周同一时段比较。",
    ),
    "queues": ("Queues", "队列"),
    "queue": ("Queue", "队列"),
    "goal": ("goal {goal}", "目标 {goal}"),
    "over_line": ("Over the line", "超过警戒线"),
    "done": ("What was done, and how fast", "采取的行动与速度"),
    "no_alerts": ("No alert opened.", "没有提醒。"),
    "kind": ("Alert", "提醒"),
    "opened": ("Opened", "出现"),
    "acted": ("Taken up", "已跟进"),
    "acted_p50": ("Half within", "半数用时"),
    "other_alerts": ("Queues, issues and teams", "队列、问题与团队"),
    "well": ("What went well", "做得好的地方"),
    "no_well": ("Too little is known yet to say.", "目前数据不足，暂无结论。"),
    "departments": ("For the departments", "部门通报"),
    "department": ("Department", "部门"),
    "no_departments": ("No contact named a department.", "没有联络注明部门。"),
    "complaints": ("Complaints", "投诉"),
    "compliments": ("Praise", "表扬"),
    "unresolved": ("Unresolved", "未解决"),
    "about": ("About", "涉及"),
    "what": ("What", "项目"),
    "number": ("Number", "数量"),
    "each": ("Each", "单位价值"),
    "worth": ("Worth", "价值"),
    "sum": ("Sum", "合计"),
    "formula": ("Formula", "计算公式"),
    "repeats_note": (
        "Usual repeats: for each issue, its part of repeats in the seven days before, times its contacts now. "
        "{usual} were usual for these contacts, {had} came.",
        "平常重复来电：每个问题前七天的重复比例乘以当前联络数。这些联络平常约 {usual} 次，实际 {had} 次。",
    ),
    "repeats_unknown": (
        "What is usual for repeats is not known yet; an issue needs 20 contacts in the seven days before.",
        "尚不清楚平常的重复来电水平；每个问题需要前七天内有 20 次联络。",
    ),
    "people": ("The people on shift", "当班人员"),
    "group": ("Group", "团队"),
    "everybody": ("Everybody", "全体"),
    "agents": ("Agents, mean", "平均人数"),
    "breaks": ("Minutes of break", "休息分钟"),
    "people_over_line": ("Minutes over the line", "超过警戒线的分钟"),
    "footer": (
        "This report measures workload, not people. It names no agent and shows no group of fewer than five. "
        "Made {at}.",
        "本报告衡量的是工作负荷，而非个人。不列出任何坐席姓名，也不显示少于五人的团队。生成时间：{at}。",
    ),
    "queue.strain": ("Queue under strain", "队列负荷"),
    "queue.surge": ("Surge in a queue", "队列激增"),
    "issue.surge": ("Surge of an issue", "问题激增"),
    "agent.strain": ("Agent under load", "坐席负荷"),
    "agent.hard_streak": ("Hard contacts in a row", "连续高难联络"),
    "agent.break_due": ("Break due", "该休息"),
    "team.strain": ("Team under load", "团队负荷"),
    "feed.silent": ("No events", "事件中断"),
    "campaign.over_contact": ("Contacted often", "联系频繁"),
    "s": ("{n} s", "{n} 秒"),
    "min": ("{n} min", "{n} 分钟"),
    "h": ("{h} h {m} min", "{h} 小时 {m} 分钟"),
    "unknown": ("–", "–"),
}


def word(key: str, language: Language, **values: str) -> str:
    """A text, with its places filled in."""
    return WORDS[key][LANGUAGES.index(language)].format(**values)


WEEKDAYS = (
    ("Monday", "星期一"), ("Tuesday", "星期二"), ("Wednesday", "星期三"), ("Thursday", "星期四"), ("Friday", "星期五"),
    ("Saturday", "星期六"), ("Sunday", "星期日"),
)  # fmt: skip
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
