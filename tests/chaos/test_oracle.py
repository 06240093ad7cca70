"""The oracle can say no: whatever is lost, doubled or changed, it finds."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from services.scoring.core.engine import Engine
from services.scoring.identity import engine_name
from shared.contract.entries import EngineMark, Entry, EntryId, engine_fields, settings_fields
from tests.chaos.judgement import Judgement
from tests.chaos.leads import Lead, Seen, Stretch, check_leads
from tests.chaos.load import Answer, Ledger
from tests.chaos.oracle import Accepted, alerts_of, differences, judge
from tests.contract.scoring_kit import EAGER, busy_stretch, settings_from
from tools.log_lines import alert_line, events_line

Changes = list[tuple[EntryId, bytes]]


def day() -> list[Entry]:
    """A busy stretch, with settings and the engine named at its beginning."""
    entries = busy_stretch()[:250]
    first = entries[0].id.ms
    return [
        Entry(EntryId(first - 1, 0), settings_fields(settings_from(EAGER))),
        Entry(EntryId(first - 1, 1), engine_fields(EngineMark(engine_name(), "0-0"))),
        *entries,
    ]


def exported(folder: Path, entries: list[Entry]) -> Path:
    path = folder / "events.ndjson"
    path.write_bytes(b"".join(events_line(0, entry) + b"\n" for entry in entries))
    return path


def lived(entries: list[Entry]) -> Changes:
    engine = Engine.restore(None)
    return [change for entry in entries for change in engine.step(entry).alerts]


def test_what_one_engine_tells_live_is_what_the_oracle_says(tmp_path: Path) -> None:
    entries = day()
    verdict = judge(exported(tmp_path, entries))
    assert len(verdict.alerts) > 5
    assert differences(verdict.alerts, lived(entries)) == []
    assert alerts_of([alert_line(0, *change) for change in verdict.alerts]) == verdict.alerts


def test_a_change_that_is_missing_doubled_or_other_is_found(tmp_path: Path) -> None:
    alerts = lived(day())
    at, data = alerts[3]
    assert "1 missing" in differences(alerts, alerts[:3] + alerts[4:])[0]
    assert "1 too many" in differences(alerts, [*alerts, (EntryId(at.ms, at.seq + 99), data)])[0]
    assert "1 other" in differences(alerts, [*alerts[:3], (at, data + b" "), *alerts[4:]])[0]
    assert differences(alerts, alerts[::-1]) != []


def test_an_engine_restored_in_the_middle_judges_from_where_its_mark_says(tmp_path: Path) -> None:
    entries = day()
    third = len(entries) // 3
    restored, published, mark = entries[third], entries[third + 10], entries[2 * third]
    entries[2 * third] = Entry(mark.id, engine_fields(EngineMark(engine_name(), str(restored.id), str(published.id))))
    verdict = judge(exported(tmp_path, entries))
    assert len(verdict.engines) == 2
    assert differences(lived(entries), verdict.alerts) == [], "the same engine twice is as one"


def test_an_engine_whose_code_is_not_here_is_no_guess(tmp_path: Path) -> None:
    entries = day()
    entries[1] = Entry(entries[1].id, engine_fields(EngineMark("another", "0-0")))
    with pytest.raises(LookupError, match="another"):
        judge(exported(tmp_path, entries))


def test_an_acknowledged_event_that_the_log_does_not_hold_is_lost(tmp_path: Path) -> None:
    lines = exported(tmp_path, day()).read_bytes().splitlines()
    accepted = Accepted.of(lines)
    event = next(iter(accepted.events))
    assert accepted.lost([event]) == []
    assert accepted.lost([("demo", "never sent")]) == [("demo", "never sent")]
    found = Judgement(lost=1)
    assert found.faults == ["1 acknowledged events lost"]


def test_a_5xx_that_is_no_503_with_retry_after_is_noted() -> None:
    ledger = Ledger()
    assert not ledger.note(["1"], Answer(503, {"retry-after": "2"}, b""))
    assert not ledger.note(["1"], Answer(0, {}, b""))
    assert ledger.wrong == []
    for answer in (Answer(503, {}, b"no word on when"), Answer(500, {}, b"ours"), Answer(401, {}, b"to a good key")):
        assert not ledger.note(["1"], answer)
    assert len(ledger.wrong) == 3
    assert ledger.note(["1"], Answer(202, {}, b'{"accepted":1,"late":0,"rejected":[]}'))
    assert ledger.acknowledged == {"1"}


@pytest.mark.parametrize(
    ("cursors", "gaps", "doubles"),
    [([1, 2, 3, 4], 0, 0), ([1, 2, 4], 1, 0), ([1, 2, 2, 3, 4], 0, 1), ([1, 3, 2, 4], 0, 1), ([2, 3, 4], 1, 0)],
)
def test_a_lead_without_one_change_or_with_one_twice_is_found(cursors: list[int], gaps: int, doubles: int) -> None:
    log = [(EntryId(n, 0), b"{}") for n in range(5)]
    lead = Lead(0, "", Seen(), random.Random(1))
    lead.stretches = [Stretch(EntryId(0, 0), "epoch", [EntryId(n, 0) for n in cursors])]
    found = check_leads([lead], Seen(), log)
    assert (found.gaps, found.doubles) == (gaps, doubles)
