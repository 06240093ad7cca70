"""What several files play through an engine, made once."""

from __future__ import annotations

import pytest
from scoring_logs import Played, centre_log, play

from shared.contract.entries import Entry


@pytest.fixture(scope="session")
def centre() -> list[Entry]:
    """Ten minutes of the simulated centre with a surge, and settings under which alerts come and go."""
    return centre_log(600)


@pytest.fixture(scope="session")
def centre_played(centre: list[Entry]) -> Played:
    return play(centre)
