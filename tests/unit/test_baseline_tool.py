"""`strainwatch baseline`: from whose history, into which file, and how a replay begins with it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from services.scoring.core.engine import Engine
from shared.contract.baseline import baseline_of, encode_baseline, numbers
from shared.contract.block import Row, encode_block
from shared.contract.entries import Entry, EntryId, block_fields, parse_entry, tick_fields
from shared.contract.rows import HANDLED
from tools.baseline import make_baseline
from tools.baseline_file import BadBaseline, is_baseline, read_baseline, write_baseline
from tools.log_export import readable
from tools.log_lines import EventsLine, events_line, read_line
from tools.replay_input import Recording, ReplayError

T0 = 1_760_000_000_000 // 86_400_000 * 86_400_000


def row(tenant: str, i: int, agent: str) -> Row:
    return Row(
        HANDLED, tenant, T0 + i * 60_000, f"{tenant}-{i}", queue="q", contact=2 * i + 1, agent=agent, n0=100.0 + i
    )


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """Two tenants in two partitions, one of them beside a third."""
    lines = []
    for partition, tenants in ((3, ("acme",)), (5, ("globex", "initech"))):
        for i in range(30):
            rows = [row(tenant, i, f"agent-{tenant}") for tenant in tenants]
            entry = Entry(EntryId(T0 + i * 60_000, 0), block_fields(encode_block(rows)))
            lines.append(events_line(partition, entry))
    path = tmp_path / "log.ndjson"
    path.write_bytes(b"\n".join(lines))
    return path


def test_of_an_exported_log_with_several_tenants_one_is_named(exported: Path) -> None:
    with pytest.raises(BadBaseline, match=r"--tenant: acme, globex, initech"):
        make_baseline([exported], tenant=None, err=io.StringIO())
    with pytest.raises(BadBaseline, match="no event of tenant 'umbrella'"):
        make_baseline([exported], tenant="umbrella", err=io.StringIO())
    baseline, told = make_baseline([exported], tenant="initech", err=io.StringIO())
    assert baseline.tenant == "initech"
    assert baseline.document.agents == ["agent-initech"]
    assert numbers(baseline.document.handle_times.count, "i4").tolist() == [30, 30]
    assert "1 of 1 agents" in told[1]


def test_a_replay_of_a_log_takes_it_in_the_partition_of_its_tenant(exported: Path) -> None:
    baseline, _ = make_baseline([exported], tenant="initech", err=io.StringIO())
    engines: dict[int, Engine] = {}
    for partition, entry in Recording([exported], "demo", baseline).entries():
        engines.setdefault(partition, Engine(marks="none")).step(entry)
    assert {number: engine.floor.baselines for number, engine in engines.items()} == {
        3: {},
        5: {"initech": baseline.digest},
    }
    stranger = baseline_of("umbrella", baseline.document)
    with pytest.raises(ReplayError, match="'umbrella', of whom this log has no event"):
        list(Recording([exported], "demo", stranger).entries())


def test_bare_events_take_it_as_their_own_tenants(tmp_path: Path, exported: Path) -> None:
    baseline, _ = make_baseline([exported], tenant="acme", err=io.StringIO())
    event = {"type": "queue.observed", "id": "1", "ts": T0, "queue": "q", "waiting": 1}
    (tmp_path / "day").write_text(json.dumps(event))
    first, second = [entry for _, entry in Recording([tmp_path / "day"], "demo", baseline).entries()]
    assert parse_entry(first.fields).tenant == "demo"  # type: ignore[union-attr]
    assert first.id < second.id


def test_events_of_a_minute_are_one_entry_and_teach_the_same(tmp_path: Path) -> None:
    events = [
        {"type": "contact.handled", "id": f"h{i}", "ts": T0 + i * 7_000, "contact": f"c{i}", "queue": "q"}
        | {"agent": "ana", "handle_time_s": 60 + i % 7, "wait_s": i % 50, "caller": f"+{i % 20}"}
        for i in range(600)
    ]
    path = tmp_path / "day"
    path.write_text("\n".join(map(json.dumps, events)))
    known = []
    for within_ms in (0, 60_000):
        engine = Engine(clock_gaps=False, marks="none")
        number = 0
        for _, entry in Recording([path], "demo").entries(within_ms=within_ms):
            engine.step(entry)
            number += 1
        known.append((engine.floor.handle_times.pack(), engine.floor.queues.usual.today_repeats[0]))
        assert number == (600 if within_ms == 0 else 70)
    assert known[0] == known[1]
    assert known[0][1] > 0


def test_a_file_that_holds_one_is_known_and_may_go_to_another_tenant(tmp_path: Path, exported: Path) -> None:
    baseline, _ = make_baseline([exported], tenant="acme", err=io.StringIO())
    path = tmp_path / "baseline.json"
    write_baseline(path, baseline)
    assert is_baseline(path)
    assert not is_baseline(exported)
    assert read_baseline(path) == baseline
    given, _ = make_baseline([path], tenant="globex", err=io.StringIO())
    assert (given.tenant, given.digest) == ("globex", baseline.digest)
    assert list(tmp_path.glob(".*")) == []


def test_a_newer_file_asks_for_an_upgrade(tmp_path: Path, exported: Path) -> None:
    baseline, _ = make_baseline([exported], tenant="acme", err=io.StringIO())
    path = tmp_path / "baseline.json"
    path.write_bytes(encode_baseline(baseline).replace(b'"version":1', b'"version":2'))
    with pytest.raises(BadBaseline, match="upgrade"):
        read_baseline(path)


def test_its_entry_is_text_in_an_export_and_a_summary_to_a_person(exported: Path) -> None:
    baseline, _ = make_baseline([exported], tenant="acme", err=io.StringIO())
    entry = Entry(EntryId(T0, 1), {b"u": encode_baseline(baseline)})
    line = read_line(events_line(0, entry))
    assert isinstance(line, EventsLine)
    assert line.entry == entry
    (shown,) = readable(0, entry)
    assert json.loads(shown)["baseline"]["agents"] == 1
    assert b"agent-acme" not in shown
    assert len(list(readable(0, Entry(EntryId(T0, 2), tick_fields(T0))))) == 1
