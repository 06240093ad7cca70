"""An invented day of calls, converted."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tools.bank_calls import main_convert

SMALL = Path(__file__).parents[1] / "data" / "bank_calls_small.tsv"
MORNING_MS = range(983_779_200_000, 983_797_200_000)
"""8:00 to 13:00: the strained hour, with calm before and after."""


@pytest.fixture(scope="session")
def converted() -> str:
    out = io.StringIO()
    main_convert(SMALL, "UTC", out, io.StringIO())
    return out.getvalue()


@pytest.fixture
def day(tmp_path: Path, converted: str) -> Path:
    path = tmp_path / "day.ndjson"
    path.write_text(converted)
    return path


@pytest.fixture
def morning(tmp_path: Path, converted: str) -> Path:
    path = tmp_path / "morning.ndjson"
    lines = converted.splitlines(keepends=True)
    path.write_text("".join(line for line in lines if json.loads(line)["ts"] in MORNING_MS))
    return path
