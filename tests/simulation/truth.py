"""The truth of a run, told by the ledger and one uninterrupted replay, and how what people saw compares with it."""

from __future__ import annotations

from collections import Counter
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from services.scoring.core.engine import Engine
from services.scoring.place import as_applied
from shared.contract.alerts import LIVE_PHASES, decode_alert
from shared.contract.block import Block, decode_block
from shared.contract.entries import EntryId
from shared.contract.keys import partition_of
from tests.simulation.receiver import told_wrongly

if TYPE_CHECKING:
    from tests.simulation.lead import Lead
    from tests.simulation.store import SimLog
    from tests.simulation.world import World

LATENESS_MS = 900_000
EXPECTED = {
    "poison": {"engine failed on an entry"},
    "loss": {"acknowledged entries were lost", "commits.lost"},
    "night": {"channel.set_aside"},
}
ALWAYS_EXPECTED = {"audit record not written"}
"""Said of a store that is away: what cannot be written to the audit log goes to the process's own."""


class Told(msgspec.Struct, frozen=True):
    """Of an alert, what says who may see it."""

    id: str
    phase: str
    tenant: str
    team: str | None
    subject: dict[str, str]


_told = msgspec.json.Decoder(Told)


@cache
def told(data: bytes) -> Told:
    """The head of an alert."""
    return _told.decode(data)


def sees(lead: Lead, tenant: str, team: str | None, subject: str) -> bool:
    """Who may see what, said a second time."""
    if lead.tenant != tenant:
        return False
    if "*" in lead.teams:
        return True
    return subject in ("queue", "issue", "tenant") if team is None else team in lead.teams


def shown_to(lead: Lead, data: bytes) -> bool:
    """Whether a change is for a lead."""
    head = told(data)
    return sees(lead, head.tenant, head.team, head.subject["type"])


def live_list(alerts: dict[EntryId, bytes], lead: Lead, up_to: EntryId | None = None) -> dict[str, bytes]:
    """What is live in a lead's scope at a cursor, by alert, the oldest change first."""
    newest: dict[str, bytes] = {}
    for position in sorted(alerts):
        if up_to is not None and position > up_to:
            break
        data = alerts[position]
        newest.pop(told(data).id, None)
        newest[told(data).id] = data
    return {id_: data for id_, data in newest.items() if told(data).phase in LIVE_PHASES and shown_to(lead, data)}


def not_yet_shown(world: World, lead: Lead) -> list[str]:
    """What a lead still lacks, while all is calm."""
    partition = partition_of(lead.tenant, world.log.partitions)
    alerts = world.log.ledgers[partition].alerts
    if not lead.known or lead.gone.is_set() or not lead.connected:
        return [f"{lead.name} has no list yet"]
    if lead.stretches[-1].epoch != world.log._parts[partition].epoch:
        return [f"{lead.name} is in an old epoch"]
    missing = [p for p, data in alerts.items() if p > lead.position and shown_to(lead, data)]
    return [f"{lead.name} lacks {len(missing)} changes after {lead.position}"] if missing else []


# --- after the run


def after_the_run(world: World) -> list[str]:
    """Everything that can be said while the services still run in calm."""
    found: list[str] = []
    for partition in range(world.log.partitions):
        found += checkpoints_differ(world.log, partition)
    for lead in world.leads:
        found += [f"{lead.name}: {fault}" for fault in (*lead.faults, *feed_differs(world, lead))]
    found += told_wrongly(world.log, world.receiver)
    for host in world.notify:
        found += [f"{host.name} is not ready: {fault}" for fault in host.service.hub.faults().values()]  # type: ignore[attr-defined]
    return found


def after_the_end(world: World) -> list[str]:
    """What an orderly end leaves behind."""
    found: list[str] = []
    for partition, part in enumerate(world.log._parts):
        alerts, counts = replayed(world.log, partition)
        found += alerts_differ(world.log, partition, alerts)
        found += events_differ(world, partition, counts)
        if part.owner is not None:
            found.append(f"partition {partition}: the lease was not given back")
        if part.differing:
            found.append(f"partition {partition}: {part.differing} published changes differ")
    return found


def replayed(log: SimLog, partition: int) -> tuple[dict[EntryId, bytes], Counter[str]]:
    """The alerts, and the counts, of one uninterrupted replay of all that the log ever held."""
    engine, counts = Engine.restore(None, marks="none"), Counter[str]()
    alerts: dict[EntryId, bytes] = {}
    published = log._parts[partition].published
    for entry in log.entries(partition):
        report = engine.step(as_applied(entry, log.ledgers[partition].skipped))
        counts.update(report.counts)
        if entry.id <= published:
            alerts.update(report.alerts)
    return alerts, counts


def alerts_differ(log: SimLog, partition: int, expected: dict[EntryId, bytes]) -> list[str]:
    """Alerts of the log against the replay, byte for byte."""
    there = log.ledgers[partition].alerts
    found = []
    if list(there) != sorted(there):
        found.append(f"partition {partition}: alerts were published out of order")
    missing, more = expected.keys() - there.keys(), there.keys() - expected.keys()
    if missing:
        found.append(f"partition {partition}: {len(missing)} changes never came, the first {min(missing)}")
    if more:
        found.append(f"partition {partition}: {len(more)} changes too many, the first {min(more)}")
    differing = [p for p in expected.keys() & there.keys() if expected[p] != there[p]]
    if differing:
        found.append(f"partition {partition}: {len(differing)} changes differ, the first {min(differing)}")
    return found


def events_differ(world: World, partition: int, counts: Counter[str]) -> list[str]:
    """Acknowledged events are in the log, and each event took effect once."""
    there, effective, late, repeated = Counter[tuple[str, str]](), set[tuple[str, bytes]](), 0, 0
    skipped = world.log.ledgers[partition].skipped
    for entry in world.log.entries(partition):
        if b"b" not in entry.fields or entry.id in skipped:
            continue
        block: Block = decode_block(entry.fields[b"b"])
        for row in range(block.n):
            tenant = block.strings[int(block.tenant[row])]
            there[tenant, _id(block, row)] += 1
            if block.ts_ms[row] < entry.id.ms - LATENESS_MS:
                late += 1
            elif (key := (tenant, block.id[row].tobytes())) in effective:
                repeated += 1
            else:
                effective.add(key)
    acked = {key for key in world.acked if partition_of(key[0], world.log.partitions) == partition}
    for fields in world.log.ledgers[partition].lost:
        if b"b" in fields:
            block = decode_block(fields[b"b"])
            acked -= {(block.strings[int(block.tenant[row])], _id(block, row)) for row in range(block.n)}
    found = []
    if lost := acked - there.keys():
        found.append(f"partition {partition}: {len(lost)} acknowledged events are gone, such as {min(lost)}")
    counted = counts["events"] - counts["late"] - counts["repeated"]
    if (counted, counts["late"], counts["repeated"]) != (len(effective), late, repeated):
        told_ = f"{counted} took effect, {counts['late']} late, {counts['repeated']} repeated"
        found.append(f"partition {partition}: {told_}; expected {len(effective)}, {late}, {repeated}")
    return found


def _id(block: Block, row: int) -> str:
    return block.id_strings.get(row, "") or block.id[row].tobytes().hex()


def checkpoints_differ(log: SimLog, partition: int) -> list[str]:
    """Checkpoints go forward only, within an epoch."""
    found = []
    last: dict[str, EntryId] = {}
    for epoch, generation, position in log.ledgers[partition].checkpoints:
        if epoch in last and position < last[epoch]:
            found.append(f"partition {partition}: checkpoint {position} of generation {generation} after {last[epoch]}")
        last[epoch] = position
    return found


def feed_differs(world: World, lead: Lead) -> list[str]:
    """What a lead was shown against the log."""
    partition = partition_of(lead.tenant, world.log.partitions)
    ledger, epoch = world.log.ledgers[partition], world.log._parts[partition].epoch
    found = []
    for number, stretch in enumerate(lead.stretches):
        if stretch.epoch != epoch:
            continue
        lost = any(p not in ledger.alerts for p, _ in stretch.changes)
        if lost and any(later.listed is not None for later in lead.stretches[number + 1 :]):
            continue  # a failover took what it was shown, and it was told so: a whole list came in its place
        if stretch.listed is not None:
            truth = list(live_list(ledger.alerts, lead, stretch.begin).values())
            if stretch.listed != truth:
                ids, seen = [told(d).id for d in truth], [told(d).id for d in stretch.listed]
                found.append(f"the list at {stretch.begin} has {seen}, the truth is {ids}")
        expected = [
            (p, data)
            for p, data in sorted(ledger.alerts.items())
            if stretch.begin < p <= stretch.end and shown_to(lead, data)
        ]
        if stretch.changes != expected:
            had, wanted = [p for p, _ in stretch.changes], [p for p, _ in expected]
            found.append(f"changes in ({stretch.begin}, {stretch.end}]: lacks {sorted(set(wanted) - set(had))}, "
                         f"has too many {sorted(set(had) - set(wanted))}")  # fmt: skip
        found += [f"saw {told(d)}" for _, d in stretch.changes if not shown_to(lead, d)]
    if lead.live != (truth_now := live_list(ledger.alerts, lead)):
        found.append(f"its list has {sorted(lead.live)}, the truth is {sorted(truth_now)}")
    found += [
        f"saw the row of {kind} {id_} of team {team}"
        for kind, id_, team in lead.rows_seen
        if not sees(lead, lead.tenant, team, kind)
    ]
    return found


def unexpected(logs: list[dict[str, Any]], names: frozenset[str]) -> list[str]:
    """Faults that the services told of and that no fault of the run explains."""
    fine = ALWAYS_EXPECTED.union(*(texts for name, texts in EXPECTED.items() if name in names))
    return [
        f"told: {entry}"
        for entry in logs
        if entry["log_level"] in ("error", "critical", "exception") and entry["event"] not in fine
    ]


def trace(world: World) -> str:
    """Stands for all that happened."""
    digest = blake2b(digest_size=16)
    for line in world.told:
        digest.update(line.encode())
    for ledger in world.log.ledgers:
        for position, fields in sorted(ledger.entries.items()):
            digest.update(str(position).encode())
            digest.update(b"".join(name + value for name, value in sorted(fields.items())))
        for position, data in sorted(ledger.alerts.items()):
            digest.update(str(position).encode() + data)
    for lead in world.leads:
        for stretch in lead.stretches:
            digest.update(f"{lead.name} {stretch.epoch} {stretch.begin} {stretch.end}".encode())
            for position, data in stretch.changes:
                digest.update(str(position).encode() + data)
    for id_, arrivals in world.receiver.arrivals.items():
        digest.update(f"{id_} {len(arrivals)}".encode())
    return digest.hexdigest()


def figures(world: World) -> dict[str, int]:
    """What there was in a run."""
    kinds = Counter(decode_alert(data).kind for ledger in world.log.ledgers for data in ledger.alerts.values())
    return {
        "turns": world.loop.turns,
        "entries": sum(len(ledger.entries) for ledger in world.log.ledgers),
        "acked": len(world.acked),
        "changes": sum(len(ledger.alerts) for ledger in world.log.ledgers),
        "shown": sum(len(stretch.changes) for lead in world.leads for stretch in lead.stretches),
        "messages": len(world.receiver.arrivals),
        "messages again": sum(len(arrivals) - 1 for arrivals in world.receiver.arrivals.values()),
        "hellos": sum(len(lead.stretches) for lead in world.leads),
        "checkpoints": sum(len(ledger.checkpoints) for ledger in world.log.ledgers),
        "calls failed": sum(host.line.failed for host in world.hosts),
        **{f"alert {kind}": number for kind, number in sorted(kinds.items())},
        **dict(sorted(world.answers.items())),
    }
