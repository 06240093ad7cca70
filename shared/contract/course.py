"""The course of a day of one queue or agent, minute by minute: `GET /v1/history`."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

STEP_S = 60

SubjectType = Literal["queue", "agent"]


class DriverCourse(Struct, kw_only=True):
    """Whole points of one driver, 0 where it was not among the three largest."""

    name: str
    shares: list[int]


class CourseAlert(Struct, kw_only=True):
    """An alert of that time. `ended_at` is null while it is not over."""

    id: str
    kind: str
    severity: str
    phase: str
    title: str
    title_zh: str
    opened_at: str
    ended_at: str | None


class SubjectCourse(Struct, kw_only=True):
    """`GET /v1/history`. `at` are the minutes that are known, in ms, ascending; a minute nobody looked at is left out.

    `strain` is in whole points, null where it is not known or not this lead's to see. What only queues have is null for
    an agent.
    """

    type: SubjectType
    id: str
    team: str | None
    step_s: int
    at: list[int]
    strain: list[int | None]
    drivers: list[DriverCourse]
    waiting: list[int | None] | None
    longest_wait_s: list[float | None] | None
    predicted_wait_s: list[float | None] | None
    agents: list[int | None] | None
    alerts: list[CourseAlert]
