"""Sentences of the shift report, in English and Chinese: what went well, and how the value is made up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from shared.contract.reports import FloorTotals, KindLine, PeopleLine, QueueLine, Value, ValuePart, Words

QUEUES_NAMED_MAX = 5
CONTACTS_MIN = 20
"""Contacts from which on a queue's service level says something. Product choice."""

PART_WORDS = {
    "visits_avoided": ("contacts resolved without a visit", "免上门解决的联络"),
    "opportunities": ("opportunities noted", "记录的商机"),
    "repeats_avoided": ("repeat calls fewer than usual", "比平常少的重复来电"),
}


class Facts(NamedTuple):
    """What the sentences are about."""

    floor: FloorTotals
    queues: Sequence[QueueLine]
    done: Sequence[KindLine]
    people: Sequence[PeopleLine]
    value: Value
    recognitions: int
    compliments: int


def went_well(facts: Facts) -> list[Words]:
    """What is worth telling; nothing is made up where nothing is known."""
    out = []
    kept = [
        q
        for q in sorted(facts.queues, key=lambda q: (-q.offered, q.id))
        if q.in_time_share is not None and q.offered >= CONTACTS_MIN and q.in_time_share >= q.goal
    ]
    for q in kept[:QUEUES_NAMED_MAX]:
        share, goal = round(100 * (q.in_time_share or 0.0)), round(100 * q.goal)
        out.append(
            Words(
                f"{q.id}: {share} % answered in time, {goal} % was the goal.",
                f"{q.id}：{share}% 及时接起，目标为 {goal}%。",
            )
        )
    if facts.recognitions:
        n = facts.recognitions
        times = "once" if n == 1 else f"{n} times"
        out.append(Words(f"A hard stretch ended well {times}.", f"{n} 次艰难时段得到了妥善应对。"))
    if facts.compliments:
        n = facts.compliments
        out.append(Words(f"{n} contact{'s' if n > 1 else ''} brought a compliment.", f"{n} 次联络得到了表扬。"))
    if facts.people and facts.people[0].break_min > 0:
        n = round(sum(p.break_min for p in facts.people if p.team is None) or sum(p.break_min for p in facts.people))
        out.append(Words(f"{n} minutes of break were taken: recovery counts.", f"共休息 {n} 分钟：恢复同样重要。"))
    usual, had = facts.value.repeats_usual, facts.value.repeats_had
    if usual is not None and had < usual:
        out.append(Words(f"{had} repeat calls, {usual:g} were usual.", f"重复来电 {had} 次，平常约 {usual:g} 次。"))
    acted, opened = sum(k.acted for k in facts.done), sum(k.opened for k in facts.done)
    if opened and acted == opened:
        out.append(Words("Every alert was looked after by somebody.", "每条提醒都有人跟进。"))
    if (resolved := facts.floor.resolved_share) is not None and facts.floor.handled >= CONTACTS_MIN:
        percent = round(100 * resolved)
        out.append(
            Words(
                f"{percent} % of the contacts with a known outcome were resolved.",
                f"已知结果的联络中 {percent}% 已解决。",
            )
        )
    return out


def amount(value: float, currency: str | None) -> str:
    """Money as it is written in both languages."""
    return f"{currency} {value:,.2f}" if currency else f"{value:,.2f}"


def formula(parts: Sequence[ValuePart], total: float | None, currency: str | None) -> Words:
    """How the value is made up, with its numbers."""
    if total is None:
        return Words(
            "No unit values are set, so there are counts and no sum. They are set in [report] of the settings.",
            "未设置单位价值，因此只有数量，没有金额。可在设置的 [report] 中填写。",
        )
    priced = [part for part in parts if part.value is not None and part.unit_value is not None]
    texts = []
    for language in (0, 1):
        terms = [
            f"{part.count:g} {PART_WORDS[part.code][language]} × {amount(part.unit_value or 0.0, currency)}"
            for part in priced
        ]
        texts.append(" + ".join(terms) + f" = {amount(total, currency)}")
    return Words(*texts)
