"""The benchmarks' file and bodies. Nothing is timed here."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import TypeAdapter

from bench import run
from bench.effort import ROUNDS, BenchFault, Effort, Skipped, percentile
from bench.peers import fastapi_app as peer
from bench.rows import LOWER_IS_BETTER, Results, Row, decode_results, encode_results, row, table
from bench.workload import bodies, events
from services.ingest.core.admission import Admitted, Form, admit

NOW_MS = 1_772_442_847_000
KEYS = ["name", "aof", "unit", "ours", "peer", "theirs", "ratio", "target"]


def beside_a_peer(ours: list[float], theirs: list[float], target: float | None = 5.0) -> Row:
    return row("x", aof="always", unit="requests/s", ours=ours, peer="p", theirs=theirs, target=target)


def test_a_ratio_is_that_of_the_medians() -> None:
    made = beside_a_peer([10.0, 90.0, 50.0], [10.0, 5.0, 9.0])
    assert made.ratio == pytest.approx(50 / 9, rel=1e-3)
    assert made.met


@pytest.mark.parametrize(
    ("unit", "value", "target", "met"),
    [
        ("events/s", 10.0, 9.0, True),
        ("events/s", 8.0, 9.0, False),
        (f"ms {LOWER_IS_BETTER}", 10.0, 9.0, False),
        (f"ms {LOWER_IS_BETTER}", 8.0, 9.0, True),
        ("ms", 8.0, None, None),
    ],
)
def test_without_a_peer_the_target_bounds_ours(unit: str, value: float, target: float | None, met: bool | None) -> None:
    made = row("x", unit=unit, ours=[value], target=target)
    assert made.ratio is None
    assert made.theirs == []
    assert made.met is met


def test_sides_must_have_as_many_rounds() -> None:
    with pytest.raises(AssertionError):
        beside_a_peer([1.0, 2.0], [1.0])


def test_the_file_has_the_documented_keys_in_their_order() -> None:
    rows = [beside_a_peer([10.0], [2.0]), row("y", unit="events/s", ours=[1.0])]
    results = Results(date="2026-03-02T09:14:07Z", commit="abc", machine="m", rows=rows)
    data = encode_results(results)
    plain = json.loads(data)
    assert list(plain) == ["date", "commit", "machine", "rows"]
    assert [list(r) for r in plain["rows"]] == [KEYS, KEYS]
    assert plain["rows"][1]["ratio"] is None
    assert decode_results(data) == results


def test_the_kept_results_can_be_read() -> None:
    if not run.LATEST.exists():
        pytest.skip("no run was kept yet: make bench")
    results = decode_results(run.LATEST.read_bytes())
    assert all(len(r.ours) >= ROUNDS for r in results.rows)


def test_the_table_names_what_was_missed() -> None:
    text = table([beside_a_peer([10.0], [1.0]), beside_a_peer([2.0], [1.0])])
    assert [("met" in line, "MISSED" in line) for line in text.splitlines()[1:]] == [(True, False), (False, True)]


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(v) for v in range(100, 0, -1)]
    assert (percentile(values, 50), percentile(values, 99), percentile([7.0], 99)) == (50.0, 99.0, 7.0)


def test_what_cannot_be_measured_is_named_and_the_rest_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def skipped(effort: Effort, say: object) -> list[Row]:
        raise Skipped("wrk is not installed")

    def broken(effort: Effort, say: object) -> list[Row]:
        raise BenchFault("it did not come up")

    made = beside_a_peer([10.0], [2.0])
    monkeypatch.setattr(run, "BENCHMARKS", {"a": skipped, "b": broken, "c": lambda effort, say: [made]}, raising=True)
    out = tmp_path / "results.json"
    assert run.main(["--quick", "--out", str(out)]) == 1
    told = capsys.readouterr().out
    assert "a: wrk is not installed" in told
    assert "b: it did not come up" in told
    assert decode_results(out.read_bytes()).rows == [made]


def test_a_quick_run_does_not_replace_the_kept_results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(run, "LATEST", tmp_path / "latest.json")
    monkeypatch.setattr(run, "BENCHMARKS", {"a": lambda effort, say: [beside_a_peer([10.0], [2.0])]})
    for arguments in (["--quick"], ["--only", "a"], ["--rounds", "2"]):
        assert run.main(arguments) == 0
        assert not run.LATEST.exists()
    assert run.main([]) == 0
    assert run.LATEST.exists()


# --- what the sides are fed


def test_bodies_are_as_large_as_events_of_an_acd() -> None:
    sent = list(islice(events(1, NOW_MS), 5_000))
    sizes = [len(msgspec.json.encode(event)) for event in sent]
    assert 250 <= sum(sizes) / len(sizes) <= 266
    assert 0.22 <= sum("caller" in event for event in sent) / len(sent) <= 0.28


def test_the_same_seed_gives_the_same_bodies() -> None:
    assert bodies(1, NOW_MS, 20, 5) == bodies(1, NOW_MS, 20, 5) != bodies(2, NOW_MS, 20, 5)


def test_ingest_takes_every_event_of_a_body() -> None:
    for body in bodies(1, NOW_MS, 20, 100):
        verdict = admit(body, Form.JSON, NOW_MS)
        assert isinstance(verdict, Admitted)
        assert (len(verdict.events), verdict.rejected) == (100, [])


@pytest.mark.parametrize("model", [peer.Event, peer.AnyEvent])
def test_the_peers_models_take_and_keep_every_event(model: Any) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(model)
    for event in islice(events(1, NOW_MS), 500):
        kept = adapter.dump_python(adapter.validate_python(event), mode="json", exclude_none=True)
        assert kept == {name: value for name, value in event.items() if name != "site"}
