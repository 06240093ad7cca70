"""`GET /v1/reports/shift`: the report of a period, as JSON or as a page that prints."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from fastapi import APIRouter, Query, Request, Response

from services.notify.core.scope import EVERY_TEAM, Scope
from services.notify.core.shift import Shift
from services.notify.core.shift_alerts import ShiftAlert, read_alert
from services.notify.door import Door, log_away
from services.notify.history import SPAN_MAX_MS
from services.notify.hub import Hub
from services.notify.problems import ProblemRoute, Refusal
from services.notify.reports.book import Book, read_minute
from services.notify.reports.page import CONTENT_POLICY, document
from services.notify.reports.words import Language
from services.notify.requests import read_moment
from services.notify.schemas import PROBLEMS, json_content
from services.notify.turns import Turns
from shared.access import Claims
from shared.clock import Clock
from shared.contract.frames import encode
from shared.contract.reports import ShiftReport
from shared.contract.signals import BadSignals
from shared.log import Log, LogUnavailable

DEFAULT_MS = 8 * 3_600_000
MINUTE_MS = 60_000
REPORTS_AT_ONCE = 1
"""In the making for one person. A second question for the same report waits for the first instead."""
KEPT_MAX = 64
"""Reports kept for the next who asks in the same minute; some 100 KB each at most."""

_logger = structlog.get_logger(__name__)


class Reports:
    """Makes reports; each is made once a minute for all who may see the same."""

    def __init__(self, log: Log, hub: Hub, clock: Clock) -> None:
        self._book, self._hub, self._clock = Book(log), hub, clock
        self._turns = Turns(REPORTS_AT_ONCE)
        self._made: OrderedDict[tuple[object, ...], asyncio.Task[ShiftReport]] = OrderedDict()

    async def shift(
        self, claims: Claims, scope: Scope, teams: frozenset[str], from_ms: int, to_ms: int, zone: str | None
    ) -> ShiftReport:
        """The report of a period. Raises LogUnavailable, Refusal (429: another report of this person is being made)."""
        key = (scope.tenant, scope.teams, teams, from_ms, to_ms, zone, self._clock.now_ms() // MINUTE_MS)
        task = self._made.get(key)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            give_back = self._turns.take(claims)
            task = self._made[key] = asyncio.create_task(self._make(scope, teams, from_ms, to_ms, zone))
            task.add_done_callback(lambda _: give_back())  # it goes on when its reader has gone
            while len(self._made) > KEPT_MAX:
                self._made.popitem(last=False)
        return await asyncio.shield(task)  # others wait for the same one

    async def _make(
        self, scope: Scope, teams: frozenset[str], from_ms: int, to_ms: int, zone: str | None
    ) -> ShiftReport:
        shift = Shift(scope, teams, from_ms, to_ms)
        minutes = [
            data for at_ms, data in await self._book.minutes(scope.tenant) if from_ms < at_ms <= to_ms + MINUTE_MS
        ]
        for data in minutes:
            await asyncio.sleep(0)  # a minute of a large centre takes a millisecond; alerts go first
            if (tallies := read_minute(data)) is not None:
                try:
                    shift.add(tallies)
                except BadSignals as fault:
                    _logger.error("minute cannot be read", error=str(fault))
        alerts, whole = await self._alerts(scope, from_ms, to_ms)
        return shift.report(
            alerts,
            made_at=_rfc3339(self._clock.now_ms()),
            period=(_rfc3339(from_ms), _rfc3339(to_ms)),
            zone=zone or _known_zone(shift.zone),
            whole=whole,
        )

    async def _alerts(self, scope: Scope, from_ms: int, to_ms: int) -> tuple[list[ShiftAlert], bool]:
        """Those that changed in the period, and those that are live since before it."""
        changed, whole = await self._book.alerts(scope.tenant, from_ms, to_ms)
        known = {alert.id for alert in changed}
        live = self._hub.tenant(scope.tenant).alerts.live(scope)
        still = [read_alert(c.data) for c in live if c.head.id not in known and c.cursor.ms < from_ms]
        return [*changed, *still], whole


def routes(log: Log, hub: Hub, door: Door) -> APIRouter:
    """The route for an app; its errors are problem details by themselves."""
    router = APIRouter(prefix="/v1", route_class=ProblemRoute, tags=["leads"])
    reports = Reports(log, hub, hub.clock)
    html = {"text/html": {"schema": {"type": "string"}}}
    answer = json_content(ShiftReport)
    answer["content"] = {**answer["content"], **html}

    @router.get("/reports/shift", summary="The shift report", responses={200: answer, **PROBLEMS})
    async def shift(
        request: Request,
        from_: Annotated[str | None, Query(alias="from", description="RFC 3339; default: 8 h before `to`.")] = None,
        to: Annotated[str | None, Query(description="RFC 3339; default: the last whole minute.")] = None,
        team: Annotated[list[str], Query(description="Repeat it for more than one.")] = [],  # noqa: B006
        zone: Annotated[str | None, Query(max_length=64, description="IANA name; default: the settings'.")] = None,
        lang: Annotated[str | None, Query(max_length=16, description="`en` or `zh-CN`, of the page.")] = None,
    ) -> Response:
        """JSON, or a page where `Accept` asks for `text/html`. What of a minute came late stands in the next."""
        claims, scope = door.lead(request)
        begin, end = _period(from_, to, hub.clock.now_ms())
        report_zone = None if zone is None else _zone(zone)
        language = _language(lang, request.headers.get("accept-language", ""))
        teams = frozenset(name for name in team if name != EVERY_TEAM)
        if unseen := [name for name in teams if not scope.sees(name, "team")]:
            raise Refusal(404, f"team: there is no team {', '.join(sorted(unseen))} among yours.")
        try:
            report = await reports.shift(claims, scope, teams, begin, end, report_zone)
        except LogUnavailable as exc:
            raise log_away() from exc
        headers = {"Cache-Control": "no-store", "Vary": "Accept, Accept-Language"}
        if not _wants_html(request.headers.get("accept", "")):
            return Response(encode(report), 200, headers, "application/json")
        headers |= {"Content-Security-Policy": CONTENT_POLICY, "Content-Language": language}
        return Response(document(report, language), 200, headers, "text/html; charset=utf-8")

    return router


def _period(from_: str | None, to: str | None, now_ms: int) -> tuple[int, int]:
    """Whole minutes, ms. Raises Refusal."""
    last = now_ms // MINUTE_MS * MINUTE_MS
    end = last if to is None else min(_minute("to", to), last)
    begin = end - DEFAULT_MS if from_ is None else _minute("from", from_)
    if begin >= end:
        raise Refusal(422, "from: must lie before `to`, and in the past.")
    if end - begin > SPAN_MAX_MS:
        raise Refusal(422, "from: a report reaches over at most 26 h.")
    return begin, end


def _minute(name: str, given: str) -> int:
    return read_moment(name, given) // MINUTE_MS * MINUTE_MS


def _zone(given: str) -> str:
    try:
        ZoneInfo(given)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Refusal(422, "zone: give an IANA name such as Europe/Madrid.") from None
    return given


def _known_zone(given: str | None) -> str:
    """The settings' zone; UTC where there is none, or where this machine's zone database is older than the engine's."""
    try:
        return "UTC" if given is None else _zone(given)
    except Refusal:
        return "UTC"


def _wants_html(accept: str) -> bool:
    """Whether a page is asked for before JSON is; both only by name, so that `*/*` is JSON."""
    kinds = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    for kind in kinds:
        if kind in ("text/html", "application/json"):
            return kind == "text/html"
    return False


def _language(lang: str | None, accepted: str) -> Language:
    given = (lang or accepted.split(",")[0]).strip().lower()
    if lang is not None and given.split("-")[0] not in ("en", "zh"):
        raise Refusal(422, "lang: en or zh-CN.")
    return "zh-CN" if given.split("-")[0] == "zh" else "en"


def _rfc3339(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
