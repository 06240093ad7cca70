"""The audit log over REST."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.notify.door import Door, log_away
from services.notify.problems import ProblemRoute
from services.notify.requests import answer, read_place
from services.notify.schemas import PROBLEMS, json_content
from services.notify.trail import Trail
from shared.contract.audit import AuditPage
from shared.log import LogUnavailable

PAGE_DEFAULT, PAGE_MAX = 100, 500  # a screenful, and about 100 KB


def routes(trail: Trail, door: Door) -> APIRouter:
    """`/v1/audit`."""
    router = APIRouter(prefix="/v1", route_class=ProblemRoute, tags=["supervisors"])

    @router.get(
        "/audit", summary="Who did what, the latest first", responses={200: json_content(AuditPage), **PROBLEMS}
    )
    async def audit(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT,
        after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
    ) -> Response:
        """For supervisors and admins: every action on alerts and agents of their teams, with what came of it."""
        actor = door.supervising(request)
        try:
            records, place = await trail.page(actor.scope, read_place(after), limit)
        except LogUnavailable as exc:
            raise log_away() from exc
        return answer(AuditPage(records=records, next=None if place is None else str(place)))

    return router
