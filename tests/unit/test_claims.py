"""What the documentation says is tested is: the tests, files and rows of faults that it names are there."""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path

import pytest

from tests.chaos.__main__ import FAMILIES
from tests.chaos.rows import FAULTS

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
TESTS = {path.stem for path in ROOT.glob("tests/**/test_*.py")} | {
    name for path in ROOT.glob("tests/**/test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())
}
NAMED = re.compile(r"`(tests/[\w/.]+|test_\w+)`")
PROMISED = ("guarantees.md", "security.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_test_that_a_page_names_is_there(page: Path) -> None:
    gone = []
    for name in NAMED.findall(page.read_text()):
        path = ROOT / name
        if not (name in TESTS or path.exists() or path.with_name(f"{path.name}.py").exists()):
            gone.append(name)
    assert not gone


def promises(page: str) -> list[list[str]]:
    """The rows of a page's first table, which says what is promised and who tries to break it."""
    lines = (ROOT / "docs" / page).read_text().splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("|---"))
    rows = []
    for line in lines[first + 1 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


@pytest.mark.parametrize("page", PROMISED)
def test_every_promise_names_who_tries_to_break_it(page: str) -> None:
    for row in promises(page):
        assert NAMED.search(row[-1]) or "every row" in row[-1] or re.search(r"\*[^*]+\*", row[-1]), row[0]


def test_the_faults_that_the_guarantees_name_are_made() -> None:
    for family in FAMILIES:
        import_module(f"tests.chaos.faults.{family}")
    for _, attack in promises("guarantees.md"):
        for name in re.findall(r"\*([^*]+)\*", attack):
            assert any(name in fault for fault in FAULTS), name


def test_every_fault_has_been_made_and_its_promises_were_kept() -> None:
    for family in FAMILIES:
        import_module(f"tests.chaos.faults.{family}")
    rows = {row["fault"]: row for row in json.loads((ROOT / "docs" / "chaos.json").read_text())["rows"]}
    assert rows.keys() == FAULTS.keys()
    for row in rows.values():
        assert row["runs"], row["fault"]
        assert (row["lost"], row["doubled"], row["faults"]) == (0, 0, []), row["fault"]
        assert row["equal"] == row["judgements"] > 0, row["fault"]
