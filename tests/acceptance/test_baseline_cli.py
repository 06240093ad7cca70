"""What is usual, learnt from history and put into a running system, as a person does it; and from real calls."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from running import STRAINWATCH, at_once, eventually, free_port, get, ready, started, strainwatch

from services.scoring.core import agent_drivers as ad
from services.scoring.core.engine import Engine
from tools.bank_calls import main_convert
from tools.baseline import make_baseline
from tools.baseline_file import write_baseline
from tools.replay_input import Recording

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "bank-calls" / "1999-02-01_to_14.tsv"
DAY_MS = 86_400_000


def test_a_baseline_is_written_and_a_replay_begins_with_it(tmp_path: Path, day: Path, morning: Path) -> None:
    learn = ["baseline", day.name, "--tenant", "bank", "--out"]
    made, again = at_once(tmp_path, [*learn, "baseline.json"], [*learn, "again.json"])
    assert made.returncode == 0, made.stderr
    assert "tenant bank, 2001-03-0" in made.stdout
    assert "6 of 6 queues" in made.stdout
    assert again.returncode == 0
    assert (tmp_path / "baseline.json").read_bytes() == (tmp_path / "again.json").read_bytes()

    plain, begun, compared = at_once(
        tmp_path,
        ["replay", morning.name, "--json"],
        ["replay", morning.name, "--baseline", "baseline.json", "--json"],
        ["replay", morning.name, "--baseline", "baseline.json", "--report", "out.html"],
    )
    assert begun.returncode == compared.returncode == 0, begun.stderr + compared.stderr
    assert begun.stdout != plain.stdout


def test_a_running_system_takes_it_and_the_export_replays_with_it(tmp_path: Path, day: Path) -> None:
    port = free_port()
    with started([STRAINWATCH, "serve", "--port", str(port)], tmp_path):
        eventually(ready(port), "the services to be ready")
        first = strainwatch(tmp_path, "baseline", day.name, "--tenant", "bank", "--append", "--out", "baseline.json")
        second = strainwatch(tmp_path, "baseline", "baseline.json", "--append")
        assert first.returncode == second.returncode == 0, first.stderr + second.stderr
        assert "appended to partition 0 as entry " in second.stdout

        def taken() -> bool:
            answer = get(port, "/metrics")
            lines = [] if answer is None else answer[1].decode().splitlines()
            return any("scoring_learnt_total{" in line and not line.endswith(" 0.0") for line in lines)

        eventually(taken, "the scorer to take the baseline")
        exported = strainwatch(tmp_path, "log", "export")
    entries = [json.loads(line) for line in exported.stdout.splitlines()]
    assert sum("u" in entry.get("fields", {}) for entry in entries) == 2
    (tmp_path / "log.ndjson").write_text(exported.stdout)
    replayed = strainwatch(tmp_path, "replay", "log.ndjson")
    assert replayed.returncode == 0, replayed.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["day.ndjson"], "--out"),
        (["nowhere.ndjson", "--out", "out.json"], "nowhere.ndjson"),
        (["empty.ndjson", "--out", "out.json"], "empty"),
        (["cut.json", "--out", "out.json"], "not a baseline"),
        (["cut.json", "day.ndjson", "--out", "out.json"], "given alone"),
        (["day.ndjson", "--out", "out.json", "--settings", "cut.json"], "is not TOML"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(tmp_path: Path, day: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "empty.ndjson").write_text("")
    (tmp_path / "cut.json").write_text('{"tenant":"bank","digest":"0","document":{}}')
    done = strainwatch(tmp_path, "baseline", *arguments)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.json").exists()


@pytest.mark.skipif(not REAL.exists(), reason="the real calls are not there")
def test_a_second_week_of_real_calls_is_judged_from_its_first_contacts_by_what_the_first_week_taught(
    tmp_path: Path,
) -> None:
    head, *rows = REAL.read_text(errors="replace").splitlines(keepends=True)
    date = head.rstrip().split("\t").index("date")

    def converted(name: str, from_day: str, to_day: str) -> Path:
        records, events = tmp_path / f"{name}.tsv", tmp_path / f"{name}.ndjson"
        records.write_text(head + "".join(row for row in rows if from_day <= row.split("\t")[date] <= to_day))
        with events.open("w") as out:
            main_convert(records, "UTC", out, io.StringIO())
        return events

    first, second = converted("first", "990201", "990207"), converted("second", "990208", "990208")
    baseline, told = make_baseline([first], tenant=None, err=io.StringIO())
    assert "usual waits: 6 of 6 queues" in "\n".join(told)
    write_baseline(tmp_path / "baseline.json", baseline)
    heard = {}
    for name, given in (("with", baseline), ("without", None)):
        engine = Engine(clock_gaps=False, marks="none")
        judged = handled = 0
        for _, entry in Recording([second], "demo", given).entries():
            if entry.id.ms % DAY_MS >= 7.75 * 3_600_000:
                break
            engine.step(entry)
        table = engine.floor.agents
        took = table.contact_ms[: table.n] > 0
        handled, judged = int(took.sum()), int(np.isfinite(table.last[: table.n, ad.HANDLE_TIME][took]).sum())
        usual = engine.floor.queues.usual
        heard[name] = (judged / handled, float(np.ptp(usual.wait_s[: usual.n])))
    assert heard["with"][0] == 1.0
    assert heard["without"][0] == 0.0
    assert heard["with"][1] > 10.0
    assert heard["without"][1] == 0.0  # all queues the same: nothing is known yet
