"""Webhooks from the log to a real receiver: signed, once, in order, whatever happens in between."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import httpx2
import pytest
import pytest_asyncio
import standardwebhooks
import structlog

from services.notify.channels.signature import new_secret
from services.notify.channels.webhook import Webhook
from services.notify.core.message import Message
from services.notify.core.retries import Verdict
from services.notify.core.routing import QuietHours, Route
from shared.clock import SystemClock
from shared.contract.entries import START
from shared.log_redis import open_redis_log
from tests.contract.channel_kit import SECRET, Floor, Received, Receiver, floor, opened, step, webhook
from tests.contract.notify_house import House, house, until

if TYPE_CHECKING:
    from tests.contract.conftest import Store

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def on(store: Store) -> AsyncIterator[Floor]:
    log = await open_redis_log(store.url, partitions=1)
    async with floor(log) as made:
        yield made
    await log.close()


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    await made.open()
    yield made
    await made.close()


def verified(secret: str, request: Received) -> Any:
    return standardwebhooks.Webhook(secret).verify(request.body, request.headers)


async def test_an_alert_goes_out_signed_as_it_opens_and_as_it_ends(on: Floor, receiver: Receiver) -> None:
    await on.start(webhook(receiver.url))
    await on.begun("hook")
    first = opened()
    taken = step(first, "acknowledged", by="lee", reason="acknowledged")
    noted = step(taken, "acknowledged", by="lee", reason="noted", note="on it")
    over = step(noted, "resolved", reason="closing line held")
    await on.publish(first, first, taken, noted, over, over)
    await on.until(lambda: len(receiver.taken) == 2, pace_s=0.01)
    await on.pass_s(0.1)
    assert receiver.told == [("a-1", "open"), ("a-1", "resolved")]
    assert len({request.id for request in receiver.taken}) == 2
    for request in receiver.taken:
        payload = verified(SECRET, request)
        assert payload["type"] == "alert.changed"
        assert payload["data"]["title_zh"] == "billing 负荷过高"
        assert payload["timestamp"] == payload["data"]["updated_at"]
        assert request.headers["content-type"] == "application/json"
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        verified(new_secret(), receiver.taken[0])
    assert on.count("strainwatch_channel_sent_total") == 2


async def test_while_a_secret_is_changed_both_sign(on: Floor, receiver: Receiver) -> None:
    new = new_secret()
    await on.start(webhook(receiver.url, secrets=(new, SECRET)))
    await on.begun("hook")
    await on.publish(opened())
    await on.until(lambda: bool(receiver.taken), pace_s=0.01)
    assert verified(new, receiver.taken[0]) == verified(SECRET, receiver.taken[0])


async def test_a_channel_begins_at_the_end_of_the_log(on: Floor, receiver: Receiver) -> None:
    await on.publish(opened("old"))
    await on.start(webhook(receiver.url))
    await on.begun("hook")
    await on.publish(step(opened("old"), "resolved"), opened("new"))
    await on.until(lambda: bool(receiver.taken))
    await on.pass_s(10)
    assert receiver.told == [("new", "open")]
    assert on.count("strainwatch_channel_skipped_total", why="opening not told") == 1


async def test_after_an_outage_everything_comes_once_and_in_order_and_others_were_not_held_up(
    on: Floor, receiver: Receiver
) -> None:
    other = Receiver()
    await other.open()
    with structlog.testing.capture_logs() as lines:
        await on.start(webhook(receiver.url), webhook(other.url, "other"))
        await on.begun("hook", "other")
        await receiver.close()
        alerts = [opened(f"a-{n}") for n in range(12)]
        for one in alerts:
            await on.publish(one, step(one, "escalated"))
        await on.until(lambda: len(other.taken) == 24)
        await on.until(lambda: on.count("strainwatch_channel_failed_total") >= 4)
        assert receiver.taken == []
        assert on.count("strainwatch_channel_outbox") == 24
        assert on.count("strainwatch_channel_outbox_age_seconds") > 0
        await receiver.open()
        await on.publish(*(step(step(one, "escalated"), "resolved") for one in alerts))
        await on.until(lambda: len(receiver.taken) == 36)
    await other.close()
    await on.pass_s(400)
    assert len({request.id for request in receiver.taken}) == 36
    for one in alerts:
        assert [phase for id, phase in receiver.told if id == one.id] == ["open", "escalated", "resolved"]
    assert on.count("strainwatch_channel_outbox") == 0
    told = str(lines)
    assert "channel.away" in told
    assert "channel.back" in told
    assert "hidden-path" not in told
    assert SECRET not in told


async def test_a_restart_in_an_outage_loses_nothing_and_repeats_nothing(on: Floor, receiver: Receiver) -> None:
    first = await on.start(webhook(receiver.url))
    await on.begun("hook")
    await on.publish(opened("a"), opened("b"))
    await on.until(lambda: len(receiver.taken) == 2)
    receiver.answer = lambda _: (503, {})
    await on.publish(step(opened("a"), "escalated"), opened("c"))
    await on.until(lambda: len(receiver.requests) >= 4)
    await first.stop()
    on.running.remove(first)
    await on.publish(step(opened("b"), "resolved"))
    receiver.answer = lambda _: (200, {})
    await on.start(webhook(receiver.url))
    await on.until(lambda: len(receiver.taken) == 5)
    await on.pass_s(60)
    assert sorted(receiver.told) == [("a", "escalated"), ("a", "open"), ("b", "open"), ("b", "resolved"), ("c", "open")]


async def test_a_message_that_was_cut_off_comes_again_under_the_same_id(on: Floor, receiver: Receiver) -> None:
    receiver.answer = lambda _: (0, {})
    first = await on.start(webhook(receiver.url))
    await on.begun("hook")
    await on.publish(opened())
    await on.until(lambda: len(receiver.requests) == 1)
    for task in first._tasks:  # as a kill does: nothing more is written
        task.cancel()
    await asyncio.gather(*first._tasks, return_exceptions=True)
    await on.log.outbox(0, "hook").release(first.workers[0]._token)
    receiver.answer = lambda _: (200, {})
    await on.start(webhook(receiver.url))
    await on.until(lambda: len(receiver.taken) == 1)
    assert receiver.requests[0].id == receiver.taken[0].id
    assert receiver.requests[0].body == receiver.taken[0].body


async def test_two_processes_send_each_message_once_and_one_takes_over_from_the_other(
    on: Floor, receiver: Receiver
) -> None:
    first = await on.start(webhook(receiver.url))
    await on.begun("hook")
    await on.start(webhook(receiver.url))
    await on.publish(*(opened(f"a-{n}") for n in range(5)))
    await on.until(lambda: len(receiver.taken) == 5)
    await first.stop()
    on.running.remove(first)
    await on.publish(*(opened(f"b-{n}") for n in range(5)))
    await on.until(lambda: len(receiver.taken) == 10)
    await on.pass_s(30)
    assert len({request.told for request in receiver.requests}) == len(receiver.requests) == 10


async def test_one_that_is_refused_is_set_aside_and_holds_up_no_other(on: Floor, receiver: Receiver) -> None:
    receiver.answer = lambda request: (400 if request.alert["id"] == "bad" else 200, {})
    await on.start(webhook(receiver.url))
    await on.begun("hook")
    await on.publish(opened("bad"), opened("good"))
    await on.until(lambda: on.count("strainwatch_channel_set_aside_total") == 1)
    await on.publish(step(opened("bad"), "resolved"), step(opened("good"), "resolved"))
    await on.until(lambda: len(receiver.taken) == 2)
    assert receiver.told == [("good", "open"), ("good", "resolved")]
    assert len([r for r in receiver.requests if r.alert["id"] == "bad"]) == 5
    [(_, record)] = await on.log.read_aside(0, START)
    assert b'"alert":"bad"' in record
    assert b"answered 400" in record


async def test_an_outage_before_it_does_not_make_one_refusal_the_last(on: Floor, receiver: Receiver) -> None:
    answers = iter([503] * 4 + [400] + [200] * 9)
    receiver.answer = lambda _: (next(answers), {})
    await on.start(webhook(receiver.url))
    await on.begun("hook")
    await on.publish(opened())
    await on.until(lambda: len(receiver.taken) == 1)
    assert [request.status for request in receiver.requests] == [503] * 4 + [400, 200]
    assert on.count("strainwatch_channel_set_aside_total") == 0


async def test_what_could_not_be_sent_for_a_day_is_set_aside(on: Floor, receiver: Receiver) -> None:
    receiver.answer = lambda _: (500, {})
    await on.start(webhook(receiver.url))
    await on.begun("hook")
    await on.publish(opened())
    await on.until(lambda: len(receiver.requests) >= 3)
    await on.until(lambda: on.count("strainwatch_channel_set_aside_total") == 1, pace_s=120)
    assert b"too old" in (await on.log.read_aside(0, START))[0][1]


async def test_a_receiver_that_asks_for_time_gets_it(on: Floor, receiver: Receiver) -> None:
    receiver.answer = lambda _: (429, {"Retry-After": "600"})
    await on.start(webhook(receiver.url))
    await on.begun("hook")
    await on.publish(opened("a"), opened("b"))
    await on.until(lambda: len(receiver.requests) == 1)
    receiver.answer = lambda _: (200, {})
    await on.pass_s(500)
    assert len(receiver.requests) == 1
    await on.until(lambda: len(receiver.taken) == 2)


async def test_a_receiver_that_is_gone_is_left_alone_until_it_is_switched_on(on: Floor, receiver: Receiver) -> None:
    receiver.answer = lambda _: (410, {})
    with structlog.testing.capture_logs() as lines:
        first = await on.start(webhook(receiver.url))
        await on.begun("hook")
        await on.publish(opened("a"), opened("b"))
        await on.until(lambda: on.count("strainwatch_channel_off") == 1)
    assert any(line["event"] == "channel.off" and line["log_level"] == "error" for line in lines)
    await first.stop()
    on.running.remove(first)
    receiver.answer = lambda _: (200, {})
    await on.start(webhook(receiver.url))
    await on.publish(opened("c"))
    await on.until(lambda: on.count("strainwatch_channel_skipped_total", why="off") >= 1)
    assert len(receiver.requests) == 1
    await on.log.outbox(0, "hook").note({}, ["off"])
    await on.until(lambda: on.count("strainwatch_channel_off") == 0)
    await on.publish(opened("d"))
    await on.until(lambda: receiver.told == [("d", "open")])


async def test_a_redirect_is_not_followed(on: Floor, receiver: Receiver) -> None:
    elsewhere = Receiver()
    await elsewhere.open()
    receiver.answer = lambda _: (302, {"Location": elsewhere.url})
    await on.start(webhook(receiver.url))
    await on.begun("hook")
    await on.publish(opened())
    await on.until(lambda: on.count("strainwatch_channel_set_aside_total") == 1)
    assert elsewhere.connections == 0
    await elsewhere.close()


async def test_the_name_of_the_url_is_proven_by_the_certificate_although_its_address_is_dialled(tmp_path: Path) -> None:
    from tests.contract.test_log_redis import make_certificate

    pem = make_certificate(tmp_path)  # for localhost
    of_server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    of_server.load_cert_chain(pem)
    receiver = Receiver()
    await receiver.open(of_server)
    message = Message("msg_1", "channel.test", "2026-01-31T08:00:00Z", b"{}", "notice", "Title", "Text")
    trusting = ssl.create_default_context(cafile=str(pem))
    said = []
    for host, tls in (("localhost", trusting), ("127.0.0.1", trusting), ("localhost", None)):
        sender = Webhook(webhook(f"https://{host}:{receiver.port}/hidden-path"), SystemClock(), tls)
        said.append(await sender.send(message))
        await sender.close()
    await receiver.close()
    assert [outcome.verdict for outcome in said] == [Verdict.SENT, Verdict.AWAY, Verdict.AWAY]
    assert "certificate" in said[1].reason.lower()
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"])
async def test_nothing_is_sent_to_a_private_address_unless_that_is_meant(
    on: Floor, receiver: Receiver, host: str
) -> None:
    await on.start(webhook(f"http://{host}:{receiver.port}/", allow_private=False))
    await on.begun("hook")
    await on.publish(opened())
    await on.until(lambda: on.count("strainwatch_channel_set_aside_total") == 1)
    assert receiver.connections == 0
    assert b"allow_private" in (await on.log.read_aside(0, START))[0][1]


async def test_each_team_hears_of_its_own_and_supervisors_of_what_nobody_took(on: Floor, receiver: Receiver) -> None:
    boss = Receiver()
    await boss.open()
    own = Route("routes[0]", "hook", teams=frozenset({"team-a"}))
    late = Route("routes[1]", "boss", phases=frozenset({"escalated"}))
    await on.start(webhook(receiver.url, "hook", own), webhook(boss.url, "boss", late))
    await on.begun("hook", "boss")
    a, b = opened("a", team="team-a"), opened("b", team="team-b")
    await on.publish(a, b, step(b, "escalated"), step(a, "escalated"))
    await on.until(lambda: len(receiver.taken) == len(boss.taken) == 2)
    assert receiver.told == [("a", "open"), ("a", "escalated")]
    assert boss.told == [("b", "escalated"), ("a", "escalated")]
    await boss.close()


async def test_at_night_only_what_is_critical_goes_out_and_in_the_morning_what_still_holds(
    on: Floor, receiver: Receiver
) -> None:
    night = QuietHours(time(22), time(7), ZoneInfo("UTC"))
    day_ms = 86_400_000
    at_23 = (on.clock.now_ms() // day_ms) * day_ms + 23 * 3_600_000
    on.clock.step((at_23 - on.clock.now_ms()) / 1000 - (day_ms / 1000 if at_23 > on.clock.now_ms() else 0))
    await on.start(webhook(receiver.url, "hook", Route("routes[0]", "hook", quiet_hours=night)))
    await on.begun("hook")
    gone, stays, worse = opened("gone"), opened("stays"), opened("worse")
    taken = opened("taken")
    await on.publish(gone, stays, worse, taken, opened("fire", severity="critical"))
    await on.until(lambda: receiver.told == [("fire", "open")], pace_s=0.1)
    await on.publish(
        step(gone, "resolved"),
        step(worse, "open", "critical", reason="severity rose"),
        step(taken, "acknowledged", by="lee"),
    )
    await on.until(lambda: len(receiver.taken) == 2, pace_s=1)
    assert receiver.told[1] == ("worse", "open")
    await on.until(lambda: len(receiver.taken) == 3, pace_s=60)
    await on.pass_s(3600)
    assert receiver.told[2:] == [("stays", "open")]


async def test_a_store_that_lost_the_outbox_gets_a_new_one_and_sending_goes_on(
    on: Floor, receiver: Receiver, store: Store
) -> None:
    await on.start(webhook(receiver.url))
    await on.begun("hook")
    await on.publish(opened("a"))
    await on.until(lambda: len(receiver.taken) == 1)
    store.run("XGROUP", "DESTROY", "sw:{0}:alerts", "channel:hook")
    await on.publish(opened("b"))
    await on.until(lambda: len(receiver.taken) == 2)
    assert receiver.told == [("a", "open"), ("b", "open")]


async def test_a_store_that_was_killed_still_knows_what_is_to_be_sent_and_what_was(
    own_store: Store, receiver: Receiver
) -> None:
    log = await open_redis_log(own_store.url, partitions=1)
    async with floor(log) as on:
        await on.start(webhook(receiver.url))
        await on.begun("hook")
        await on.publish(opened("a"))
        await on.until(lambda: len(receiver.taken) == 1)
        receiver.answer = lambda _: (503, {})
        await on.publish(step(opened("a"), "resolved"), opened("b"))
        await on.until(lambda: len(receiver.requests) >= 3)
        own_store.kill()
        receiver.answer = lambda _: (200, {})
        await on.pass_s(30)
        own_store.start_again()
        await on.until(lambda: len(receiver.taken) == 3)
        await on.pass_s(60)
        assert sorted(receiver.told) == [("a", "open"), ("a", "resolved"), ("b", "open")]
    await log.close()


async def test_a_channel_that_is_down_leaves_the_service_ready(store: Store, receiver: Receiver) -> None:
    log = await open_redis_log(store.url, partitions=1)
    port = receiver.port
    await receiver.close()
    async with house(log, channels=[webhook(f"http://127.0.0.1:{port}/")]) as running:
        await until(lambda: all(worker.opened for worker in running.notify.channels.workers))
        await running.engine.publish(opened())
        async with httpx2.AsyncClient(timeout=60) as client:

            async def failed() -> bool:
                return 'channel_failed_total{channel="hook"} 0' not in await _get(client, running, "metrics")

            await until(failed)
            assert '"ready"' in await _get(client, running, "readyz")
    await log.close()


async def _get(client: httpx2.AsyncClient, running: House, path: str) -> str:
    return (await client.get(f"{running.http}/{path}")).text
