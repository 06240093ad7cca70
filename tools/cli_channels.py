"""Commands about outgoing channels: check, secret, status, aside, on."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from services.notify.core.channel_settings import Channel
    from services.notify.core.retries import Outcome
    from shared.contract.entries import EntryId
    from shared.log import Log

FILE_HELP = "The channels file; else STRAINWATCH_CHANNELS."
ASIDE_SHOWN = 1_000
FileOption = Annotated[Path | None, typer.Option("--channels", help=FILE_HELP)]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    channels = typer.Typer(no_args_is_help=True, help="Outgoing channels: chat, e-mail, pagers, webhooks.")
    channels.command("check")(check)
    channels.command("secret")(secret)
    channels.command("status")(status)
    channels.command("aside")(aside)
    channels.command("on")(switch_on)
    app.add_typer(channels, name="channels")


def check(
    file: FileOption = None,
    send_test: Annotated[str | None, typer.Option(metavar="NAME", help="Send a test message by this channel.")] = None,
) -> None:
    """Say everything that is wrong with the channels file; with --send-test also send a test message.

    \b
    Examples:
      strainwatch channels check --channels channels.toml
      strainwatch channels check --send-test team-chat
    """
    from shared.settings import BadSetup

    path, channels = _read(file)
    for channel in channels:
        routes = "1 route" if len(channel.routes) == 1 else f"{len(channel.routes)} routes"
        print(f"{channel.name}\t{channel.type}\t{routes}")
    print(f"{path}: {len(channels)} channels, nothing wrong", file=sys.stderr)
    if send_test is None:
        return
    found = next((channel for channel in channels if channel.name == send_test), None)
    if found is None:
        names = ", ".join(channel.name for channel in channels)
        raise BadSetup([f"channels check: there is no channel {send_test!r}; there are {names}"])
    outcome = asyncio.run(_send_test(found))
    if outcome.verdict.value != "sent":
        print(f"strainwatch: the test message was not sent by {found.name}: {outcome.reason}", file=sys.stderr)
        sys.exit(1)
    print(f"a test message was sent by {found.name}", file=sys.stderr)


def secret() -> None:
    """Print a new secret for a webhook, alone on standard output."""
    from services.notify.channels.signature import new_secret

    print(new_secret())


def status(file: FileOption = None) -> None:
    """Print for each channel: changes that wait in its outbox, changes set aside, whether it is on.

    \b
    Example:
      strainwatch channels status --channels channels.toml
    """
    from shared.contract.entries import START
    from tools.cli_access import _log

    _, channels = _read(file)

    async def read() -> list[tuple[str, int | None, int, str]]:
        async with _log() as log:
            given_up: dict[str, int] = {}
            for partition in range(log.partitions):
                for record in await _aside_of(log, partition, START):
                    given_up[record["channel"]] = given_up.get(record["channel"], 0) + 1
            found = []
            for channel in channels:
                outboxes = [log.outbox(partition, channel.name) for partition in range(log.partitions)]
                waiting = [await outbox.waiting() for outbox in outboxes]
                off = [why for outbox in outboxes if (why := (await outbox.notes()).get("off"))]
                known = [n for n in waiting if n is not None]
                state = f"off: {off[0].partition(' ')[2]}" if off else "on"
                found.append((channel.name, sum(known) if known else None, given_up.get(channel.name, 0), state))
            return found

    print("channel", "waiting", "set aside", "state", sep="\t")
    for name, waiting, aside_n, state in asyncio.run(read()):
        print(name, "?" if waiting is None else waiting, aside_n, state, sep="\t")


def aside() -> None:
    """Print the changes that channels gave up on: when, channel, alert, phase, tries, why. The board still has them.

    \b
    Example:
      strainwatch channels aside
    """
    from shared.contract.entries import START
    from tools.cli_access import _log

    async def read() -> list[dict[str, Any]]:
        async with _log() as log:
            return [record for p in range(log.partitions) for record in await _aside_of(log, p, START)]

    for record in sorted(asyncio.run(read()), key=lambda record: record["at_ms"]):
        at = datetime.fromtimestamp(int(record["at_ms"]) / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        print(at, *(record[key] for key in ("channel", "alert", "phase", "tries", "why")), sep="\t")


def switch_on(name: Annotated[str, typer.Argument(metavar="NAME", help="As in the channels file.")]) -> None:
    """Switch a channel on again whose receiver had answered 410 Gone. Works within seconds."""
    from tools.cli_access import _log

    async def forget() -> None:
        async with _log() as log:
            for partition in range(log.partitions):
                await log.outbox(partition, name).note({}, ["off"])

    asyncio.run(forget())
    print(f"channel {name} is on", file=sys.stderr)


async def _aside_of(log: Log, partition: int, after: EntryId) -> list[dict[str, Any]]:
    import msgspec

    found = await log.read_aside(partition, after, count=ASIDE_SHOWN)
    return [msgspec.json.decode(data) for _, data in found]


def _read(file: Path | None) -> tuple[Path, list[Channel]]:
    from shared.settings import BadSetup
    from tools.serve_setup import read_channels, read_public_url

    path = file or (Path(given) if (given := os.environ.get("STRAINWATCH_CHANNELS")) else None)
    if path is None:
        raise BadSetup(["channels: name the file with --channels FILE or STRAINWATCH_CHANNELS; see docs/channels.md"])
    channels, (_, faults) = read_channels(path), read_public_url(os.environ)
    if faults:
        raise BadSetup(faults)
    return path, channels


async def _send_test(channel: Channel) -> Outcome:
    """A message that says of itself that it is a test, in the language of the channel's first route."""
    import msgspec

    from services.notify.channels.service import sender_of
    from services.notify.core.message import Message
    from shared.clock import SystemClock
    from shared.settings import Environment

    clock = SystemClock()
    at = datetime.fromtimestamp(clock.now_ms() / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    chinese = channel.routes[0].language == "zh-CN"
    title = "Strainwatch 测试消息" if chinese else "Test message from Strainwatch"
    english = "If you can read this, the channel works. Nothing to do."
    text = "如果您看到此消息，说明该通道可用。" if chinese else english
    data = msgspec.json.encode({"title": title, "text": text})
    sender = sender_of(channel, clock, Environment.read(os.environ).private_networks)
    try:
        return await sender.send(
            Message(f"msg_test_{time.time_ns():x}", "channel.test", at, data, "notice", title, text)
        )
    finally:
        await sender.close()
