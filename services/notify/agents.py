"""Agents over REST: what a lead says of support, and the agent's own page."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from services.notify.agent_events import AgentEvents, Told
from services.notify.core.stored import stored_about_an_agent
from services.notify.door import Door, log_away
from services.notify.hub import Hub
from services.notify.problems import ProblemRoute, Refusal
from services.notify.requests import answer, read_body
from services.notify.schemas import PROBLEMS, json_content, schema_of
from shared.contract.events import rfc3339
from shared.contract.own import AgentAnswer, CheckIn, OwnAgent
from shared.log import LogUnavailable, Retention

_ID = re.compile(r".{1,512}", re.DOTALL)
_TAKEN: dict[int | str, dict[str, Any]] = {
    200: json_content(AgentAnswer),
    202: {"description": "Written; it counts once it is judged."},
    **PROBLEMS,
    429: {**PROBLEMS[429], "description": "Too soon after the last one; see Retry-After"},
}


def routes(hub: Hub, events: AgentEvents, door: Door, kept: Retention | None = None) -> APIRouter:
    """`/v1/agents/...`."""
    router = APIRouter(prefix="/v1/agents", route_class=ProblemRoute, tags=["agents"])
    stored = stored_about_an_agent(kept or Retention())

    @router.get(
        "/me", summary="The agent's own strain, and what is kept", responses={200: json_content(OwnAgent), **PROBLEMS}
    )
    async def own(request: Request) -> Response:
        """For a token of the role agent: the row of its claim `agent`, and nobody else's."""
        actor, agent = door.own_agent(request)
        row = hub.agent(actor.claims.tenant, agent)
        view = hub.tenant(actor.claims.tenant).board.view
        last_ms = await events.checked_in_ms(actor, agent)
        return answer(
            OwnAgent(
                id=agent,
                team=row.team if row else None,
                strain=row.strain if row else None,
                drivers=row.drivers if row else [],
                state=row.state if row else None,
                break_min=row.break_min if row else None,
                at=rfc3339(hub.clock.now_ms() if view.at_ms is None else view.at_ms),
                data_age_s=view.data_age_s(),
                stored=stored,
                check_in_at=None if last_ms is None else rfc3339(last_ms),
            )
        )

    @router.post(
        "/me/check-in",
        summary="The agent's own word on the load",
        responses=_TAKEN,
        openapi_extra={"requestBody": {"content": {"application/json": {"schema": schema_of(CheckIn)}}}},
    )
    async def check_in(request: Request) -> Response:
        """1 light to 5 heavy, at most every five minutes. It is voluntary, and part of the own strain only."""
        actor, agent = door.own_agent(request)
        try:
            body = msgspec.json.decode(await read_body(request), type=CheckIn)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
            raise Refusal(422, str(exc)) from exc
        try:
            return _answered(agent, await events.check_in(actor, agent, body.load))
        except LogUnavailable as exc:
            raise log_away() from exc

    @router.post("/{agent}/supported", summary="A lead supported an agent", responses=_TAKEN)
    async def supported(request: Request, agent: str) -> Response:
        """Joined, listened or thanked: it eases the agent's strain. For agents of the own teams."""
        actor = door.leading(request)
        if not _ID.fullmatch(agent):
            raise Refusal(404, "There is no such agent in your teams.")
        if hub.tenant(actor.claims.tenant).board.at_ms is None:
            raise log_away()  # who is in which team is not known before the first signals
        try:
            return _answered(agent, await events.supported(actor, agent))
        except LogUnavailable as exc:
            raise log_away() from exc

    return router


def _answered(agent: str, told: Told) -> Response:
    if told.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise Refusal(told.status, told.detail, Retry_After=str(told.wait_s))
    if told.status >= HTTPStatus.BAD_REQUEST:
        raise Refusal(told.status, told.detail)
    return answer(AgentAnswer(agent), told.status)
