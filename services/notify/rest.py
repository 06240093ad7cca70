"""The board, the alerts and the leads' actions over REST."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response

from services.notify.actions import Actions
from services.notify.core import alerts
from services.notify.core.frames import raw_alert
from services.notify.core.scope import Scope
from services.notify.core.verbs import VERBS, wish
from services.notify.hub import Hub
from services.notify.problems import RETRY_AFTER_S, ProblemRoute, Refusal
from services.notify.schemas import PROBLEMS, body_schema, json_content
from shared.access import BadToken, Claims, TokenVerifier
from shared.clock import Clock
from shared.contract.alerts import ALERT_KINDS, PHASES, SEVERITIES, Alert
from shared.contract.entries import EntryId
from shared.contract.frames import AlertPage, Board, encode
from shared.log import LogUnavailable

PAGE_DEFAULT, PAGE_MAX = 100, 500  # a screenful, and about a megabyte
BODY_BYTES_MAX = 16 * 1024  # a note of 280 characters, however it is escaped, and room to spare

Words = Annotated[list[str], Query(description="Repeat it, or separate by commas.")]
Names = Annotated[list[str], Query(description="Repeat it for more than one.")]


def routes(hub: Hub, actions: Actions, verifier: TokenVerifier, clock: Clock) -> APIRouter:
    """Routes for an app; their errors are problem details by themselves."""
    router = APIRouter(prefix="/v1", route_class=ProblemRoute, tags=["leads"])

    def signed_in(request: Request) -> Claims:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Refusal(401, "Send the token as `Authorization: Bearer <token>`.", WWW_Authenticate="Bearer")
        try:
            return verifier.verify(token.strip(), clock.now_ms() // 1000)
        except BadToken as exc:
            detail = str(exc) or "The token is not valid."
            raise Refusal(401, detail, WWW_Authenticate='Bearer error="invalid_token"') from exc

    def lead(request: Request) -> tuple[Claims, Scope]:
        claims = signed_in(request)
        scope = Scope.of(claims.tenant, claims.teams, claims.role)
        if not scope.may_lead:
            raise Refusal(403, "The board and the alerts are for leads, supervisors and admins.")
        if not hub.partition(scope.tenant).loaded.is_set():
            raise _log_away()
        return claims, scope

    @router.get("/board", summary="Strain now", responses={200: json_content(Board), **PROBLEMS})
    async def board(request: Request) -> Response:
        _, scope = lead(request)
        return _answer(await hub.board(scope))

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
            before=_place(after),
        )
        partition = hub.partition(scope.tenant)
        page, more = partition.tenant(scope.tenant).alerts.select(query, scope)
        return _json(
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
        return _answer(change.data)

    for name, verb in VERBS.items():
        _add_verb(router, name, body_schema(verb.frame), lead, hub, actions)
    return router


def _add_verb(router: APIRouter, name: str, schema: dict[str, Any], lead: Any, hub: Hub, actions: Actions) -> None:
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
        openapi_extra={"requestBody": {"required": False, "content": {"application/json": {"schema": schema}}}},
    )
    async def act(request: Request, alert: str) -> Response:
        claims, scope = lead(request)
        if hub.tenant(scope.tenant).alerts.find(alert, scope) is None:
            raise _no_such_alert()
        try:
            frame = wish(name, alert, await _body(request))
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
            raise Refusal(422, str(exc)) from exc
        try:
            outcome = await actions.take(VERBS[name], frame, scope, claims.sub)
        except LogUnavailable as exc:
            raise _log_away() from exc
        if outcome.status >= HTTPStatus.BAD_REQUEST:
            raise Refusal(outcome.status, outcome.detail)
        if outcome.status == HTTPStatus.ACCEPTED or outcome.change is None:
            return _json({"alert": alert, "detail": outcome.detail}, HTTPStatus.ACCEPTED)
        return _answer(outcome.change.data)


def _log_away() -> Refusal:
    return Refusal(503, "The log does not answer; try again.", Retry_After=str(RETRY_AFTER_S))


def _no_such_alert() -> Refusal:
    return Refusal(404, "There is no such alert among your teams' alerts.")


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise Refusal(413, f"The body may have {BODY_BYTES_MAX} bytes.")
    return body


def _words(name: str, given: list[str], known: tuple[str, ...]) -> frozenset[str]:
    words = frozenset(word for text in given for word in text.split(",") if word)
    if unknown := sorted(words - set(known)):
        raise Refusal(422, f"{name}: {', '.join(unknown)} is unknown; there are {', '.join(known)}.")
    return words


def _place(after: str | None) -> EntryId | None:
    try:
        return None if after is None else EntryId.parse(after)
    except ValueError:
        raise Refusal(422, "after: give `next` of the page before.") from None


def _json(value: Any, status: int = HTTPStatus.OK) -> Response:
    return _answer(encode(value), status)


def _answer(data: bytes, status: int = HTTPStatus.OK) -> Response:
    return Response(data, status, {"Cache-Control": "no-store"}, "application/json")
