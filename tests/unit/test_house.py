"""Rules of the house that no other tool checks."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("services", "shared", "tools")
LINES_MAX = 400
"""Of a file. Longer ones hold two things."""
FUNCTION_LINES_MAX = 80
"""What one can hold in view."""
MEASURES_NO = re.compile(r"\b(emotions?|moods?|burn-?outs?)\b", re.IGNORECASE)
"""Strainwatch measures workload; it must not read as if it measured people's inner life."""
SAYS_SO = ("shared/contract/events.py", "shared/contract/schema/event.schema.json")
"""Where these words stand as keys that are refused."""


def _sources(*endings: str) -> list[Path]:
    kept = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            parts = path.relative_to(ROOT).parts
            if path.suffix in endings and not {"node_modules", "dist", "__pycache__"} & set(parts):
                kept.append(path)
    return kept


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_files_and_functions_are_short() -> None:
    long = []
    for path in _sources(".py"):
        text = path.read_text()
        if len(text.splitlines()) > LINES_MAX:
            long.append(f"{_name(path)}: {len(text.splitlines())} lines")
        long += [f"{_name(path)} {name}: {lines}" for name, lines in _functions(text) if lines > FUNCTION_LINES_MAX]
    assert not long


def _functions(text: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


def test_every_module_says_what_it_is() -> None:
    texts = {_name(path): path.read_text() for path in _sources(".py")}
    assert not [name for name, text in texts.items() if text and not ast.get_docstring(ast.parse(text))]
    assert not [name for name in texts if Path(name).stem in ("utils", "helpers", "misc")]


def test_no_text_speaks_of_what_is_not_measured() -> None:
    found = [
        _name(path)
        for path in _sources(".py", ".json", ".ts", ".tsx", ".html")
        if _name(path) not in SAYS_SO and MEASURES_NO.search(path.read_text())
    ]
    assert not found


def test_no_package_stands_beside_the_layers() -> None:
    beside = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench"}
    assert beside == set(PACKAGES)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["tool"]["importlinter"]["root_packages"] == list(PACKAGES)
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == list(PACKAGES)


def test_no_two_test_files_share_a_name() -> None:
    """pytest would take them for one module, and only where both are collected at once."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, number in names.items() if number > 1] == []
