"""The shift report as JSON: what surged and why, what issues cost, what was done, what went well, and value found.

No agent is named in it or can be told from it: people are shown as groups of five or more. Texts come in English
(`text`) and Chinese (`text_zh`). A share is 0..1; what cannot be known is null.
"""

from __future__ import annotations

from msgspec import Struct

from shared.contract.alerts import Subject


class Period(Struct, frozen=True, rename={"from_": "from"}):
    """The time that the report is about."""

    from_: str
    to: str
    zone: str
    """IANA name of the zone in which the page shows times; those in here are RFC 3339 UTC."""
    known_s: float
    """How much of it was counted; less than its length after an upgrade, or while nobody listened."""


class FloorTotals(Struct, frozen=True):
    """All queues in sight."""

    offered: int
    answered: int
    abandoned: int
    in_time_share: float | None
    mean_wait_s: float | None
    handled: int
    resolved_share: float | None
    """Of the contacts whose outcome was told."""
    repeats: int
    repeat_share: float | None
    strain_minutes: float
    against_usual: float | None
    """Arrivals / what was usual for those minutes, where that is known."""


class QueueLine(Struct, frozen=True):
    """One queue."""

    id: str
    team: str | None
    offered: int
    abandoned: int
    in_time_share: float | None
    goal: float
    mean_wait_s: float | None
    repeats: int
    over_line_min: float
    strain_minutes: float
    against_usual: float | None


class IssueLine(Struct, frozen=True):
    """One issue. `cost_share` is the mean of its shares of all waiting, repeats and strain-minutes."""

    id: str
    cost_share: float
    contacts: int
    wait_min: float
    repeats: int
    repeat_share: float | None
    strain_minutes: float
    mentions: float
    """Over all queues of the centre, in the minutes that are compared."""
    usual_mentions: float
    against_usual: float | None


class DepartmentIssue(Struct, frozen=True):
    """What an issue brought a department."""

    id: str
    complaints: int
    compliments: int


class DepartmentLine(Struct, frozen=True):
    """What is to be handed on to one department."""

    id: str
    contacts: int
    complaints: int
    compliments: int
    unresolved: int
    issues: list[DepartmentIssue]


class Words(Struct, frozen=True):
    """A line in both languages."""

    text: str
    text_zh: str


class AlertLine(Struct, frozen=True):
    """An alert of the period that is not about an agent."""

    id: str
    kind: str
    severity: str
    subject: Subject
    title: Words
    reasons: list[Words]
    opened_at: str
    ended_at: str | None
    acted_by: str | None
    """The lead who acted first."""
    acted_after_s: float | None
    escalated: bool


class KindLine(Struct, frozen=True):
    """Alerts of one kind that opened in the period, and what became of them."""

    kind: str
    opened: int
    acted: int
    acted_p50_s: float | None
    escalated: int


class PeopleLine(Struct, frozen=True):
    """A group of five or more; `team` null: everybody in sight."""

    team: str | None
    agents_mean: float
    break_min: float
    over_line_min: float


class ValuePart(Struct, frozen=True):
    """One part of the value: `count` x `unit_value`."""

    code: str
    count: float
    unit_value: float | None
    value: float | None


class Value(Struct, frozen=True):
    """What the floor created, by the centre's own unit values; without those, counts alone."""

    parts: list[ValuePart]
    total: float | None
    currency: str | None
    repeats_usual: float | None
    """Repeats that were usual for the contacts that came, where that is known."""
    repeats_had: int
    formula: Words


class ShiftReport(Struct, frozen=True):
    """Answer of `GET /v1/reports/shift`."""

    tenant: str
    teams: list[str]
    period: Period
    made_at: str
    floor: FloorTotals
    surges: list[AlertLine]
    issues: list[IssueLine]
    queues: list[QueueLine]
    alerts: list[AlertLine]
    done: list[KindLine]
    well: list[Words]
    departments: list[DepartmentLine]
    value: Value
    people: list[PeopleLine]
    alerts_whole: bool
    """False: there were more changes than one report reads; the latest are missing."""
