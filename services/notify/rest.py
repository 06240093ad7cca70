"""The board, the alerts and the leads' actions over REST."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response

from services.notify import courses
from services.notify.actions import Actions
from services.notify.core import alerts
from services.notify.core.frames import raw_alert
from services.notify.core.verbs import VERBS, wish
from services.notify.door import Door, log_away
from services.notify.hub import Hub
from services.notify.problems import ProblemRoute, Refusal
from services.notify.requests import answer, answer_bytes, read_body, read_moment, read_place
from services.notify.schemas import PROBLEMS, body_schema, json_content
from shared.contract.alerts import ALERT_KINDS, PHASES, SEVERITIES, Alert
from shared.contract.frames import AlertPage, Board
from shared.contract.rules import Rules
from shared.log import LogUnavailable

PAGE_DEFAULT, PAGE_MAX = 100, 500  # a screenful, and about a megabyte
ALERT_ID_MAX = 512  # as of any name in a frame; nothing longer is an alert

Words = Annotated[list[str], Query(description="Repeat it, or separate by commas.")]
Names = Annotated[list[str], Query(description="Repeat it for more than one.")]


def routes(hub: Hub, actions: Actions, door: Door) -> APIRouter:
    """Routes for an app; their errors are problem details by themselves."""
    router = APIRouter(prefix="/v1", route_class=ProblemRoute, tags=["leads"])
    lead = door.lead

    @router.get("/board", summary="Strain now", responses={200: json_content(Board), **PROBLEMS})
    async def board(request: Request) -> Response:
        _, scope = lead(request)
        return answer_bytes(await hub.board(scope))

    @router.get(
        "/alerts", summary="Alerts, the latest change first", responses={200: json_content(AlertPage), **PROBLEMS}
    )
    async def list_alerts(
        request: Request,
        phase: Words = [],  # noqa: B006
        kind: Words = [],  # noqa: B006
        severity: Words = [],  # noqa: B006
        team: Names = [],  # noqa: B006
        subject: Names = [],  # noqa: B006
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT,
        after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
    ) -> Response:
        """Without `phase`: the live ones. Ask for `phase=suppressed` or `phase=resolved` to see those."""
        _, scope = lead(request)
        query = alerts.Query(
            phases=_words("phase", phase, PHASES),
            kinds=_words("kind", kind, ALERT_KINDS),
            severities=_words("severity", severity, SEVERITIES),
            teams=frozenset(team),
            subjects=frozenset(subject),
            limit=limit,
            before=read_place(after),
        )
        partition = hub.partition(scope.tenant)
        page, more = partition.tenant(scope.tenant).alerts.select(query, scope)
        return answer(
            AlertPage(
                alerts=[raw_alert(change) for change in page],
                next=str(page[-1].cursor) if more else None,
                epoch=partition.epoch,
                cursor=str(partition.top),
            )
        )

    @router.get("/alerts/{alert}", summary="One alert", responses={200: json_content(Alert), **PROBLEMS})
    async def one_alert(request: Request, alert: str) -> Response:
        _, scope = lead(request)
        change = hub.tenant(scope.tenant).alerts.find(alert, scope)
        if change is None:
            raise _no_such_alert()
        return answer_bytes(change.data)

    _add_rules(router, door, hub)
    courses.add_course(router, door.lead, hub)
    for name, verb in VERBS.items():
        _add_verb(router, name, body_schema(verb.frame), door, actions)
    return router


def _add_rules(router: APIRouter, door: Door, hub: Hub) -> None:
    @router.get("/rules", summary="How often each rule fired", responses={200: json_content(Rules), **PROBLEMS})
    async def rules(
        request: Request,
        since: Annotated[str | None, Query(description="RFC 3339 or ms; default and earliest: 7 days ago.")] = None,
    ) -> Response:
        """Per kind of alert, in your scope: how often it fired, and how often somebody did something about it."""
        _, scope = door.lead(request)
        asked_ms = 0 if since is None else read_moment("since", since)
        since_ms, counts = hub.tenant(scope.tenant).rules.count(asked_ms, hub.clock.now_ms(), scope)
        at = datetime.fromtimestamp(since_ms / 1000, UTC).isoformat(timespec="milliseconds")
        return answer(Rules(since=at.replace("+00:00", "Z"), rules=counts))


def _add_verb(router: APIRouter, name: str, schema: dict[str, Any], door: Door, actions: Actions) -> None:
    @router.post(
        f"/alerts/{{alert}}/{name}",
        name=name,
        operation_id=f"{name}_alert",
        summary=f"{name.capitalize()} an alert",
        responses={
            200: json_content(Alert),
            202: {"description": "Written; its effect comes over the feed."},
            **PROBLEMS,
        },
        openapi_extra={
            "requestBody": {"required": "required" in schema, "content": {"application/json": {"schema": schema}}}
        },
    )
    async def act(request: Request, alert: str) -> Response:
        actor = door.leading(request)
        try:
            frame = wish(name, alert, await read_body(request))
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
            raise _no_such_alert() if not 0 < len(alert) <= ALERT_ID_MAX else Refusal(422, str(exc)) from exc
        try:
            outcome = await actions.take(name, frame, actor)
        except LogUnavailable as exc:
            raise log_away() from exc
        if outcome.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise Refusal(outcome.status, outcome.detail, Retry_After=str(outcome.wait_s))
        if outcome.status >= HTTPStatus.BAD_REQUEST:
            raise Refusal(outcome.status, outcome.detail)
        if outcome.status == HTTPStatus.ACCEPTED or outcome.change is None:
            return answer({"alert": alert, "detail": outcome.detail}, HTTPStatus.ACCEPTED)
        return answer_bytes(outcome.change.data)


def _no_such_alert() -> Refusal:
    return Refusal(404, "There is no such alert among your teams' alerts.")


def _words(name: str, given: list[str], known: tuple[str, ...]) -> frozenset[str]:
    words = frozenset(word for text in given for word in text.split(",") if word)
    if unknown := sorted(words - set(known)):
        raise Refusal(422, f"{name}: {', '.join(unknown)} is unknown; there are {', '.join(known)}.")
    return words
