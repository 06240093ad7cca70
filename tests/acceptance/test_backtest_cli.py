"""Settings tried on a recorded day, as a person does it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from running import at_once, strainwatch

CALMER = '[alerts."queue.strain"]\nopen_line = 85\nopen_hold_s = 300\n'


def test_a_day_under_two_settings_in_words_and_drawn(tmp_path: Path, morning: Path) -> None:
    (tmp_path / "calmer.toml").write_text(CALMER)
    arguments = ["replay", morning.name, "--compare", "calmer.toml", "--leads", "2", "--timezone", "Asia/Shanghai"]

    first, again = at_once(
        tmp_path,
        [*arguments, "--report", "first.html"],
        [*arguments, "--report", "again.html", "--lang", "en"],
    )

    assert first.returncode == 0, first.stderr
    assert first.stdout == again.stdout
    assert (tmp_path / "first.html").read_bytes() == (tmp_path / "again.html").read_bytes()
    assert "A: built-in defaults\nB: calmer.toml\n" in first.stdout
    assert '  alerts."queue.strain".open_line: 70 -> 85\n' in first.stdout
    assert "\ngo:\n" in first.stdout
    assert "2001-03-05 16:00:23 to 2001-03-05 20:59:48 Asia/Shanghai" in first.stdout
    page = (tmp_path / "first.html").read_text()
    assert "://" not in page
    assert all(f"<title>{queue}</title>" in page for queue in ("PS", "NW", "IN"))


def test_what_differs_as_json(tmp_path: Path, morning: Path) -> None:
    (tmp_path / "calmer.toml").write_text(CALMER)
    done = strainwatch(tmp_path, "replay", morning.name, "--compare", "calmer.toml", "--json")
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
def test_what_cannot_be_done_is_said_in_a_line(tmp_path: Path, morning: Path, options: list[str], said: str) -> None:
    done = strainwatch(tmp_path, "replay", morning.name, *options)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.html").exists()
