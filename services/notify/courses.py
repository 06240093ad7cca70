"""`GET /v1/history`: the course of a day of one queue or agent, with its alerts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response

from services.notify.core.alerts import TitledAlert
from services.notify.core.course import course_of, newest_team
from services.notify.core.scope import Scope
from services.notify.door import log_away
from services.notify.history import SPAN_MAX_MS
from services.notify.hub import Hub
from services.notify.problems import Refusal
from services.notify.requests import answer, read_moment
from services.notify.schemas import PROBLEMS, json_content
from services.notify.turns import Turns
from shared.access import Claims
from shared.contract.alerts import Subject
from shared.contract.course import CourseAlert, SubjectCourse, SubjectType
from shared.contract.events import ts_to_ms
from shared.log import LogUnavailable

SPAN_DEFAULT_MS = 12 * 3_600_000
"""A long shift."""
COURSES_AT_ONCE = 4
"""For one person: a page asks for the lines of its queues one by one and for the day that is opened; in a few tabs."""
_HOURS_MAX = SPAN_MAX_MS // 3_600_000

Moment = Annotated[str | None, Query(description="RFC 3339, or milliseconds since 1970.")]


_alerts = msgspec.json.Decoder(TitledAlert)


def add_course(router: APIRouter, lead: Callable[[Request], tuple[Claims, Scope]], hub: Hub) -> None:
    """`lead` gives who asks, and the scope, or refuses."""
    turns = Turns(COURSES_AT_ONCE)

    @router.get(
        "/history",
        summary="The day of one queue or agent, minute by minute",
        responses={200: json_content(SubjectCourse), **PROBLEMS},
    )
    async def history(
        request: Request,
        type: SubjectType,
        id: Annotated[str, Query(min_length=1)],
        from_: Annotated[Moment, Query(alias="from")] = None,
        to: Moment = None,
    ) -> Response:
        """Without `from`, the 12 h before `to`; without `to`, until now."""
        claims, scope = lead(request)
        now_ms = hub.clock.now_ms()
        to_ms = now_ms if to is None else read_moment("to", to)
        from_ms = to_ms - SPAN_DEFAULT_MS if from_ is None else read_moment("from", from_)
        if not 0 < to_ms - from_ms <= SPAN_MAX_MS:
            raise Refusal(422, f"from, to: give a span that goes forward, of at most {_HOURS_MAX} h.")
        give_back = turns.take(claims)
        try:
            # What is kept begins where somebody first asked: from a moment to come, nothing would be kept till then.
            moments = await hub.history.moments(scope.tenant, type, id, min(from_ms, now_ms), to_ms)
        except LogUnavailable as exc:
            raise log_away() from exc
        finally:
            give_back()
        there, team = (await hub.boards.built(scope)).team_of(type, id)
        if not there:
            there, team = newest_team(moments)
        if not there or not scope.sees(team, type):
            raise Refusal(404, f"There is no such {type} among your teams' {type}s.")
        alerts = _alerts_of(hub, scope, Subject(type, id), from_ms, to_ms)
        return answer(course_of(type, id, team, moments, scope, alerts))


def _alerts_of(hub: Hub, scope: Scope, subject: Subject, from_ms: int, to_ms: int) -> list[CourseAlert]:
    found = []
    for change in hub.tenant(scope.tenant).alerts.about(subject, scope):
        told = _alerts.decode(change.data)
        ended_at = told.updated_at if told.phase == "resolved" else None
        if ts_to_ms(told.opened_at) <= to_ms and (ended_at is None or ts_to_ms(ended_at) >= from_ms):
            found.append(
                CourseAlert(
                    id=told.id,
                    kind=told.kind,
                    severity=told.severity,
                    phase=told.phase,
                    title=told.title,
                    title_zh=told.title_zh,
                    opened_at=told.opened_at,
                    ended_at=ended_at,
                )
            )
    return sorted(found, key=lambda alert: (alert.opened_at, alert.id))
