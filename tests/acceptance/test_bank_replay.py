"""Real calls, converted and replayed: queue strain rises and falls with the waits that the callers had."""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from statistics import correlation, fmean

import pytest

from tools.bank_calls import main_convert
from tools.replay import main_replay

SMALL = Path(__file__).parents[1] / "data" / "bank_calls_small.tsv"
REAL = Path(__file__).parents[2].parent / "shared" / "data" / "bank-calls" / "1999-02-01_to_14.tsv"
SLOT_MS = 15 * 60_000
MINUTE_MS = 60_000
CALLS_MIN = 5  # a mean of fewer waits says little

Slots = Mapping[tuple[str, int], float]


def replayed(records: Path, folder: Path) -> tuple[Slots, Slots]:
    """Mean strain and mean wait by queue and quarter of an hour."""
    events, table = folder / "events.ndjson", folder / "signals.csv"
    with events.open("w") as out:
        main_convert(records, "UTC", out, io.StringIO())
    summary = main_replay([events], out=io.BytesIO(), err=io.StringIO(), signals=table)
    assert not summary.refused
    waits: dict[tuple[str, int], list[float]] = defaultdict(list)
    with events.open() as lines:
        for event in map(json.loads, lines):
            if event["type"] in ("contact.answered", "contact.abandoned"):
                waits[event["queue"], event["ts"] // SLOT_MS].append(event["wait_s"])
    strains: dict[tuple[str, int], list[float]] = defaultdict(list)
    with table.open(newline="") as lines:
        for row in csv.DictReader(lines):
            if row["type"] == "queue":
                # The value at a minute is of the time before it.
                strains[row["id"], (int(row["ts_ms"]) - MINUTE_MS) // SLOT_MS].append(float(row["strain"]))
    return (
        {key: fmean(values) for key, values in strains.items()},
        {key: fmean(values) for key, values in waits.items() if len(values) >= CALLS_MIN},
    )


def correlated(strains: Slots, waits: Slots) -> float:
    both = [key for key in waits if key in strains]
    assert len(both) >= 20
    return correlation([strains[key] for key in both], [waits[key] for key in both])


def test_the_strained_hour_of_an_invented_day_shows(tmp_path: Path) -> None:
    strains, waits = replayed(SMALL, tmp_path)
    assert correlated(strains, waits) > 0.6
    midnight = min(slot for _, slot in strains) // 96 * 96

    def mean(queue: str, first_hour: float, last_hour: float) -> float:
        slots = range(midnight + int(first_hour * 4), midnight + int(last_hour * 4))
        return fmean(strains[queue, slot] for slot in slots if (queue, slot) in strains)

    assert mean("PS", 10.25, 11) > 2 * mean("PS", 8, 10)
    assert mean("PS", 10.25, 11) > 2 * mean("PS", 13, 18)


@pytest.mark.skipif(not REAL.exists(), reason="the real calls are not there")
def test_strain_of_a_real_day_follows_its_waits(tmp_path: Path) -> None:
    head, *rows = REAL.read_text(errors="replace").splitlines(keepends=True)
    cells = {name: number for number, name in enumerate(head.rstrip().split("\t"))}

    def chosen(row: str) -> bool:
        row_cells = row.split("\t")
        return row_cells[cells["date"]] == "990210" and 8 <= int(row_cells[cells["vru_entry"]].partition(":")[0]) < 14

    slice_ = tmp_path / "slice.tsv"
    slice_.write_text(head + "".join(filter(chosen, rows)))
    strains, waits = replayed(slice_, tmp_path)
    assert correlated(strains, waits) > 0.6
