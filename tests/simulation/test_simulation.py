"""Whole runs from one seed each: every promise holds, and the same seed gives the same run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.__main__ import again
from tests.simulation.faults import FAULTS
from tests.simulation.world import simulate

SEEDS = int(os.environ.get("STRAINWATCH_SIMULATION_SEEDS", "50"))
WORK_S = 40.0
"""Simulated: enough for some eight faults and their ends."""
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_promise_holds_whatever_goes_wrong(seed: int) -> None:
    outcome = simulate(seed, work_s=WORK_S)
    assert not outcome.faults, "\n".join([again(seed, work_s=WORK_S), *outcome.faults])


def test_a_quiet_day_has_alerts_actions_and_leads_who_see_them() -> None:
    outcome = simulate(0, work_s=60.0, names=frozenset())
    assert not outcome.faults
    figures = outcome.figures
    assert figures["calls failed"] == 0
    assert min(figures[name] for name in ("acked", "changes", "shown", "checkpoints", "alert agent.strain")) > 10


def test_the_same_seed_gives_the_same_run_in_any_process() -> None:
    elsewhere = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--seed", "7", "--work", "20"],
        cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": "1"}, capture_output=True, text=True, check=True,
    ).stdout.rpartition("\n1 of 1 seeds held")[0]  # fmt: skip

    here = simulate(7, work_s=20.0)
    assert any("kill" in line or "line of" in line for line in here.told)
    assert elsewhere == "\n".join([*here.told, here.trace])


def test_another_seed_gives_another_run() -> None:
    assert len({simulate(seed, work_s=5.0).trace for seed in (1, 2)}) == 2


def test_the_command_for_a_failing_seed_names_the_same_run() -> None:
    assert again(5) == "python -m tests.simulation --seed 5"
    assert again(5, work_s=40.0).endswith("--seed 5 --work 40")
    assert "--only kill,line" in again(5, FAULTS & {"kill", "line"})
