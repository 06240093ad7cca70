"""Settings tried on a recorded day, as a person does it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from running import at_once, strainwatch

from tools.bank_calls import main_convert

SMALL = Path(__file__).parents[1] / "data" / "bank_calls_small.tsv"
CALMER = '[alerts."queue.strain"]\nopen_line = 85\nopen_hold_s = 300\n'


@pytest.fixture(scope="module")
def converted() -> str:
    out = io.StringIO()
    main_convert(SMALL, "UTC", out, io.StringIO())
    return out.getvalue()


@pytest.fixture
def day(tmp_path: Path, converted: str) -> Path:
    path = tmp_path / "day.ndjson"
    path.write_text(converted)
    return path


def test_a_day_under_two_settings_in_words_and_drawn(tmp_path: Path, day: Path) -> None:
    (tmp_path / "calmer.toml").write_text(CALMER)
    arguments = ["replay", day.name, "--compare", "calmer.toml", "--leads", "2", "--timezone", "Asia/Shanghai"]

    first, again = at_once(
        tmp_path,
        [*arguments, "--report", "first.html"],
        [*arguments, "--report", "again.html", "--lang", "en"],
    )

    assert first.returncode == 0, first.stderr
    assert first.stdout == again.stdout
    assert (tmp_path / "first.html").read_bytes() == (tmp_path / "again.html").read_bytes()
    assert "A: built-in defaults\nB: calmer.toml\n" in first.stdout
    assert '  alerts."queue.strain".open_line: 60 -> 85\n' in first.stdout
    assert "\ngo:\n" in first.stdout
    assert " 08:11:42 to 2001-03-06 08:07:00 Asia/Shanghai" in first.stdout
    page = (tmp_path / "first.html").read_text()
    assert "://" not in page
    assert all(f"<title>{queue}</title>" in page for queue in ("PS", "NW", "IN"))


def test_what_differs_as_json(tmp_path: Path, day: Path) -> None:
    (tmp_path / "calmer.toml").write_text(CALMER)
    done = strainwatch(tmp_path, "replay", day.name, "--compare", "calmer.toml", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["change"] for line in lines} >= {"goes", "stays"}
    assert all((line["a"] is None) == (line["change"] == "comes") for line in lines)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--timezone", "Mars", "--report", "out.html"], "no time zone 'Mars'"),
        (["--compare", "nowhere.toml"], "nowhere.toml"),
        (["--truth", "nowhere.ndjson"], "nowhere.ndjson"),
        (["--report", "out.html", "--json"], "--compare"),
        (["--report", "out.html", "--signals", "out.csv"], "--signals"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(tmp_path: Path, day: Path, options: list[str], said: str) -> None:
    done = strainwatch(tmp_path, "replay", day.name, *options)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.html").exists()
