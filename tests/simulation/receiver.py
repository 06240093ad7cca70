"""The far end of an outgoing channel, the way to it, and what it must have been told by the end of a run."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Literal

import msgspec

from services.notify.core.channel_settings import Channel
from services.notify.core.message import Message
from services.notify.core.retries import SENT, Outcome, Verdict
from services.notify.core.routing import Route, is_news, message_id, phase_told, step_of, told_once
from services.notify.core.told import ToldAlert, read_told
from shared.contract.entries import EntryId
from tests.simulation.loop import Machine

if TYPE_CHECKING:
    from tests.simulation.store import SimLog

CHANNEL = Channel("desk", "webhook", "https://receiver.example/", routes=(Route("here", "desk"),))
"""Every alert of every tenant, at once."""
TRY_S = 15.0
"""As long as a webhook waits for an answer."""

State = Literal["up", "away", "mute"]
"""Away: it refuses at once. Mute: it takes the message, and no answer ever comes."""


@dataclass(slots=True)
class Arrival:
    """One message that came, from whom, and whether the sender was told so."""

    machine: Machine
    data: bytes
    answered: bool = False


@dataclass
class Receiver:
    """All that came, by the id of the message, in the order of the first time."""

    rng: Random
    state: State = "up"
    arrivals: defaultdict[str, list[Arrival]] = field(default_factory=lambda: defaultdict(list))


class Post:
    """One machine's way to the receiver: a `Sender`."""

    def __init__(self, receiver: Receiver, machine: Machine) -> None:
        self._receiver, self._machine = receiver, machine

    async def send(self, message: Message) -> Outcome:
        """One try, as the outside sees it."""
        receiver, rng = self._receiver, self._receiver.rng
        await asyncio.sleep(rng.uniform(0.001, 0.2))
        if receiver.state == "away":
            return Outcome(Verdict.AWAY, "cannot be reached")
        arrival = Arrival(self._machine, message.data)
        receiver.arrivals[message.id].append(arrival)
        if receiver.state == "mute":
            await asyncio.sleep(TRY_S)
            return Outcome(Verdict.AWAY, "gave no answer")
        await asyncio.sleep(rng.uniform(0.001, 0.2))
        arrival.answered = True
        return SENT

    async def close(self) -> None:
        """There is nothing to close."""


def not_yet_told(log: SimLog, receiver: Receiver) -> list[str]:
    """Steps of alerts that the channel still owes its receiver, while all is calm.

    Each is told once, unless it was set aside with a record, the retention took it, or it is the end of an alert whose
    opening was never told. A partition that lost entries is left out: its outbox lost what was noted there, too.
    """
    return [
        f"partition {partition}: the channel owes {cursor} of alert {alert.id}"
        for partition, ledger in enumerate(log.ledgers)
        if not ledger.losses
        for cursor, alert in _owed(log, partition, receiver)
    ]


def _owed(log: SimLog, partition: int, receiver: Receiver) -> list[tuple[EntryId, ToldAlert]]:
    ledger, part = log.ledgers[partition], log._parts[partition]
    aside = {msgspec.json.decode(record)["cursor"] for record in part.aside.values}
    steps: defaultdict[str, set[str]] = defaultdict(set)
    owed = []
    for cursor, alert in _steps(log, partition):
        if _id(alert, cursor) in receiver.arrivals:
            steps[alert.id].add(step_of(alert))
            continue
        end = phase_told(alert) == "resolved" and not told_once(alert)
        if not (
            cursor <= ledger.outbox_from
            or part.alerts.get(cursor) is None
            or str(cursor) in aside
            or step_of(alert) in steps[alert.id]
            or (end and not steps[alert.id])
        ):
            owed.append((cursor, alert))
    return owed


def _steps(log: SimLog, partition: int) -> list[tuple[EntryId, ToldAlert]]:
    """Changes that the channel's route wants."""
    changes = ((cursor, read_told(data)) for cursor, data in sorted(log.ledgers[partition].alerts.items()))
    return [(cursor, alert) for cursor, alert in changes if is_news(alert) and CHANNEL.routes[0].wants(alert)]


def _id(alert: ToldAlert, cursor: EntryId) -> str:
    return message_id(CHANNEL.name, alert.id, str(cursor))


def told_wrongly(log: SimLog, receiver: Receiver) -> list[str]:
    """Messages that are no step of the log, came out of order, or came twice from one who knew that it had arrived."""
    if any(ledger.losses for ledger in log.ledgers):
        return []  # what a failover took may have been told before
    found = []
    wanted = {_id(alert, cursor): cursor for part in range(log.partitions) for cursor, alert in _steps(log, part)}
    alerts = {cursor: data for ledger in log.ledgers for cursor, data in ledger.alerts.items()}
    newest: dict[str, EntryId] = {}
    for id_, arrivals in receiver.arrivals.items():
        cursor = wanted.get(id_)
        if cursor is None or any(arrival.data != alerts[cursor] for arrival in arrivals):
            found.append(f"the channel told {id_}, which is no step of the log")
            continue
        alert = read_told(alerts[cursor]).id
        if cursor < newest.get(alert, cursor):
            found.append(f"the channel told {cursor} of alert {alert} after {newest[alert]}")
        newest[alert] = cursor
        machines = [arrival.machine for arrival in arrivals if arrival.answered]
        if len(machines) > len(set(map(id, machines))):
            found.append(f"the channel told {cursor} of alert {alert} twice, though the first was answered")
    return found
