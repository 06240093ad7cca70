"""The day of one queue or agent over REST: minutes from the log, in the scope of who asks."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2 as httpx
import msgspec
import numpy as np
import pytest
import pytest_asyncio
from notify_house import House, agent_alert, alert, client, house, signals

from services.notify.core.course import Facts, Moment, course_of
from services.notify.core.scope import Scope
from services.notify.history import History
from shared.clock import SystemClock
from shared.contract.course import SubjectCourse
from shared.contract.entries import tick_fields
from shared.contract.minutes import encode_minute, minute_of
from shared.contract.signal_columns import column
from shared.contract.signals import TenantSignals
from shared.log import LogUnavailable, Publication
from shared.log_memory import MemoryLog

MINUTE_MS = 60_000
pytestmark = pytest.mark.asyncio


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog(clock=SystemClock(), partitions=2)


@pytest_asyncio.fixture
async def notify(log: MemoryLog) -> AsyncIterator[House]:
    async with house(log) as running:
        yield running


def minute_at(at_ms: int, strain: float = 40.0, team: int = 1, tenant: str = "acme") -> bytes:
    """ann at a strain, in team-a or team-b; billing with three who wait."""
    whole = signals(at_ms, tenant)
    agents = msgspec.structs.replace(
        whole.agents, strain=column([strain, 0.0, 0.0], "f8"), team=column([team, 2, 0], "i4")
    )
    return encode_minute(minute_of(msgspec.structs.replace(whole, agents=agents)))


async def keep(log: MemoryLog, house_: House, *minutes: bytes, now: TenantSignals | None = None) -> None:
    """Publish minutes, as the scorer does."""
    engine = house_.engine
    for minute in minutes:
        entry = await log.append(engine.partition, tick_fields(0))
        await log.publish(engine.partition, engine.generation, Publication(entry, [], [], [minute]))
    if now is not None:
        await engine.publish(signals=now)


async def asked(lead: httpx.AsyncClient, type_: str, id_: str, **more: Any) -> SubjectCourse:
    response = await lead.get("/v1/history", params={"type": type_, "id": id_, **more})
    assert response.status_code == 200, response.text
    return msgspec.json.decode(response.content, type=SubjectCourse)


async def test_the_day_of_an_agent_with_drivers_and_alerts(log: MemoryLog, notify: House) -> None:
    now_ms = SystemClock().now_ms()
    first = now_ms - 3 * MINUTE_MS
    minutes = [minute_at(first), b"of another kind", minute_at(first, tenant="other"), minute_at(first + MINUTE_MS, 62)]
    await keep(log, notify, *minutes, now=signals(now_ms))
    cursor = await notify.engine.publish(agent_alert("a-1", "team-a"), alert("a-2"))
    await notify.knows(cursor)
    async with client(notify, "team-a") as lead:
        response = await lead.get("/v1/history", params={"type": "agent", "id": "ann", "from": "2026-01-31T08:00:00Z"})
        assert response.status_code == 422  # longer than what is kept
        course = await asked(lead, "agent", "ann")
    assert (course.type, course.id, course.team, course.step_s) == ("agent", "ann", "team-a", 60)
    assert course.at == [first, first + MINUTE_MS]
    assert course.strain == [40, 62]
    assert [(d.name, d.shares) for d in course.drivers] == [("occupancy", [40, 40])]
    assert course.waiting is None
    assert [each.id for each in course.alerts] == ["a-1"]


async def test_the_day_of_a_queue_has_its_waits_also_without_strain(log: MemoryLog, notify: House) -> None:
    now_ms = SystemClock().now_ms()
    await keep(log, notify, minute_at(now_ms - MINUTE_MS), now=signals(now_ms))
    cursor = await notify.engine.publish(alert("a-2", phase="resolved"), agent_alert("a-1", "team-a"))
    await notify.knows(cursor)
    async with client(notify, "team-b") as lead:
        course = await asked(lead, "queue", "billing")
        assert (course.strain, course.waiting, course.agents) == ([12], [3], [None])
        assert (course.longest_wait_s, course.predicted_wait_s) == ([40.0], [45.0])
        assert course.alerts == []  # it was over before these twelve hours


async def test_who_is_not_of_the_leads_teams_is_not_there(log: MemoryLog, notify: House) -> None:
    now_ms = SystemClock().now_ms()
    await keep(log, notify, minute_at(now_ms - MINUTE_MS), now=signals(now_ms))
    async with client(notify, "team-b") as lead:
        for type_, id_ in (("agent", "ann"), ("agent", "nobody"), ("agent", "cy"), ("queue", "ann")):
            response = await lead.get("/v1/history", params={"type": type_, "id": id_})
            assert response.status_code == 404, (type_, id_)
        assert (await lead.get("/v1/history", params={"type": "team", "id": "team-b"})).status_code == 422
        assert (await lead.get("/v1/history", params={"type": "agent", "id": "bo", "to": "noon"})).status_code == 422
    async with client(notify, "team-b", role="agent") as agent:
        assert (await agent.get("/v1/history", params={"type": "agent", "id": "bo"})).status_code == 403
    async with client(notify, tenant="other") as stranger:
        assert (await stranger.get("/v1/history", params={"type": "agent", "id": "ann"})).status_code == 404


async def test_minutes_in_another_team_stay_unknown_to_the_new_lead(log: MemoryLog, notify: House) -> None:
    now_ms = SystemClock().now_ms()
    first = now_ms - 4 * MINUTE_MS
    told = [(0.0, 1), (55.0, 2), (0.0, 2), (44.0, 1)]
    await keep(log, notify, *(minute_at(first + n * MINUTE_MS, s, t) for n, (s, t) in enumerate(told)))
    await keep(log, notify, now=signals(now_ms))
    async with client(notify, "team-a") as lead:
        course = await asked(lead, "agent", "ann")
    assert course.strain == [None, None, None, 44]
    assert [(d.name, d.shares) for d in course.drivers] == [("occupancy", [0, 0, 0, 40])]


async def test_waits_of_a_queue_before_it_came_to_the_team_stay_unknown() -> None:
    facts = Facts(3, 40.0, 45.0, 2)
    calm, theirs = Moment(MINUTE_MS, None, None, (), facts), Moment(2 * MINUTE_MS, 50, "team-b", (), facts)
    ours = Moment(3 * MINUTE_MS, 60, "team-a", (), facts)
    scope = Scope.of("acme", ["team-a"], "lead")
    course = course_of("queue", "billing", "team-a", [calm, theirs, ours], scope, [])
    assert (course.waiting, course.strain) == ([None, None, 3], [None, None, 60])
    course = course_of("queue", "billing", "team-a", [calm, ours], scope, [])
    assert course.waiting == [3, 3]


async def test_what_is_kept_is_bounded_and_what_was_let_go_is_read_again(log: MemoryLog, notify: House) -> None:
    now_ms = SystemClock().now_ms()
    first = now_ms - 50 * MINUTE_MS
    await keep(log, notify, *(minute_at(first + n * MINUTE_MS, 1.0 + n) for n in range(50)))
    history = History(log, kept_bytes=10 * 2_200)
    for _ in range(2):
        moments = await history.moments("acme", "agent", "ann", first, now_ms)
        assert [moment.strain for moment in moments] == list(range(1, 51))
        assert 0 < history.kept_bytes <= 10 * 2_200
    await history.moments("other", "agent", "ann", first, now_ms)
    moments = await history.moments("acme", "agent", "ann", first + 40 * MINUTE_MS, now_ms)
    assert [moment.strain for moment in moments] == list(range(41, 51))


async def test_new_minutes_join_what_is_kept(log: MemoryLog, notify: House) -> None:
    now_ms = SystemClock().now_ms()
    history = History(log)
    for n in range(3):
        await keep(log, notify, minute_at(now_ms + n * MINUTE_MS, 10.0 * (n + 1)))
        moments = await history.moments("acme", "agent", "ann", now_ms, now_ms + 9 * MINUTE_MS)
        assert [moment.strain for moment in moments] == [10 * (k + 1) for k in range(n + 1)]
        assert np.isfinite(history.kept_bytes)


async def test_a_question_about_the_future_does_not_end_what_is_kept(log: MemoryLog, notify: House) -> None:
    now_ms = SystemClock().now_ms()
    await keep(log, notify, minute_at(now_ms - MINUTE_MS), now=signals(now_ms))
    async with client(notify, "team-a") as lead:
        to_come = await asked(lead, "agent", "ann", **{"from": 4_000_000_000_000, "to": 4_000_000_060_000})
        assert to_come.at == []
        await keep(log, notify, minute_at(now_ms, 50.0))
        assert (await asked(lead, "agent", "ann")).strain == [40, 50]
    assert notify.notify.hub.history.kept_bytes > 0


async def test_without_the_log_it_says_when_to_try_again(
    log: MemoryLog, notify: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any, **__: Any) -> Any:
        raise LogUnavailable("the plug is pulled")

    monkeypatch.setattr(log, "read_history", away)
    async with client(notify) as lead:
        response = await lead.get("/v1/history", params={"type": "agent", "id": "ann"})
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
