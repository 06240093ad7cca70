"""Channels by Apprise: real e-mails to a real server, in both languages; and what is never connected to."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
import structlog
from aiosmtpd.controller import UnthreadedController

from services.notify.channels import apprise_sender
from services.notify.channels.apprise_sender import AppriseSender
from services.notify.core.channel_settings import Channel
from services.notify.core.message import Message
from services.notify.core.retries import Verdict
from services.notify.core.routing import Route
from shared.contract.entries import START
from shared.log_redis import open_redis_log
from tests.contract.channel_kit import Floor, Receiver, floor, opened, step

if TYPE_CHECKING:
    from tests.contract.conftest import Store

pytestmark = pytest.mark.asyncio

HELLO = Message("msg_1", "channel.test", "2026-01-31T08:00:00Z", b"{}", "notice", "Title", "Text")


class Mailbox:
    """Takes every e-mail; while `away` it says that it has no room."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refused = 0
        self.away = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """See aiosmtpd."""
        if self.away:
            self.refused += 1
            return "452 no room now"
        found = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(found, EmailMessage)
        self.mails.append(found)
        return "250 taken"


@pytest_asyncio.fixture
async def smtp() -> AsyncIterator[tuple[Mailbox, int]]:
    box = Mailbox()
    controller = UnthreadedController(box, hostname="127.0.0.1", port=0, loop=asyncio.get_running_loop())
    server = await controller._create_server()
    yield box, server.sockets[0].getsockname()[1]
    server.close()


@pytest_asyncio.fixture
async def on(store: Store) -> AsyncIterator[Floor]:
    log = await open_redis_log(store.url, partitions=1)
    async with floor(log) as made:
        yield made
    await log.close()


def mail(port: int, name: str = "mail", **fields: Any) -> Channel:
    route = Route("routes[0]", name, language=fields.pop("language", "en"))
    url = f"mailto://127.0.0.1:{port}?from=strainwatch@example.org&to=lead@example.org&mode=insecure"
    return Channel(**{"name": name, "type": "apprise", "url": url, "allow_private": True, "routes": (route,), **fields})


def words(found: EmailMessage) -> str:
    body = found.get_body(("plain", "html"))
    assert body is not None
    return str(body.get_content())


async def test_an_alert_is_an_email_in_english_and_in_chinese(on: Floor, smtp: tuple[Mailbox, int]) -> None:
    box, port = smtp
    await on.start(mail(port), mail(port, "youjian", language="zh-CN"), public_url="https://strain.example.org/")
    await on.begun("mail", "youjian")
    await on.publish(opened())
    await on.until(lambda: len(box.mails) == 2, pace_s=0.01)
    said = {str(found["subject"]): words(found) for found in box.mails}
    assert said.keys() == {"[warning] Billing is under strain", "【警告】billing 负荷过高"}
    english, chinese = (said[subject] for subject in sorted(said))
    assert "What may help: Ask for help" in english
    assert "https://strain.example.org/" in english
    assert "建议：请求支援" in chinese
    await on.until(lambda: on.count("strainwatch_channel_sent_total", "youjian") == 1)


async def test_a_mail_server_without_room_gets_everything_later_once_and_in_order(
    on: Floor, smtp: tuple[Mailbox, int]
) -> None:
    box, port = smtp
    box.away = True
    with structlog.testing.capture_logs() as lines:
        await on.start(mail(port))
        await on.begun("mail")
        await on.publish(opened(), step(opened(), "escalated"))
        await on.until(lambda: box.refused >= 2)
        box.away = False
        await on.until(lambda: len(box.mails) == 2)
    assert [str(found["subject"]) for found in box.mails] == [
        "[warning] Billing is under strain",
        "[warning, nobody has taken it yet] Billing is under strain",
    ]
    assert "lead@example.org" not in str(lines)


async def test_apprise_connects_to_no_private_address_unless_that_is_meant(on: Floor) -> None:
    receiver = Receiver()
    await receiver.open()
    await on.start(
        Channel("chat", "apprise", f"json://localhost:{receiver.port}/x", routes=(Route("routes[0]", "chat"),)),
        mail(receiver.port, allow_private=False),
    )
    await on.begun("chat", "mail")
    await on.publish(opened())
    await on.until(lambda: on.count("strainwatch_channel_set_aside_total", "chat") == 1)
    await on.until(lambda: on.count("strainwatch_channel_set_aside_total", "mail") == 1)
    assert receiver.connections == 0
    assert all(b"allow_private" in record for _, record in await on.log.read_aside(0, START))
    await receiver.close()


async def test_apprise_follows_no_redirect_to_a_place_that_is_closed() -> None:
    receiver = Receiver()
    await receiver.open()
    receiver.answer = lambda _: (302, {"Location": "http://169.254.169.254/latest/meta-data/"})
    sender = AppriseSender(Channel("chat", "apprise", f"json://127.0.0.1:{receiver.port}/x", allow_private=True))
    outcome = await sender.send(HELLO)
    assert outcome.verdict is not Verdict.SENT
    await sender.close()
    await receiver.close()


async def test_a_url_that_apprise_does_not_know_is_refused_without_repeating_it() -> None:
    sender = AppriseSender(Channel("chat", "apprise", "faxmachine://hidden-token/room"))
    outcome = await sender.send(HELLO)
    await sender.close()
    assert outcome.verdict is Verdict.REFUSED
    assert "hidden-token" not in outcome.reason


async def test_a_service_that_hangs_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    receiver = Receiver()
    await receiver.open()
    receiver.answer = lambda _: (0, {})
    sender = AppriseSender(Channel("chat", "apprise", f"json://127.0.0.1:{receiver.port}/x", allow_private=True))
    monkeypatch.setattr(apprise_sender, "TRY_S", 0.5)
    outcome = await sender.send(HELLO)
    assert outcome.verdict is Verdict.AWAY
    receiver.answer = lambda _: (200, {})
    monkeypatch.setattr(apprise_sender, "TRY_S", 30.0)
    assert (await sender.send(HELLO)).verdict is Verdict.SENT
    await sender.close()
    await receiver.close()
