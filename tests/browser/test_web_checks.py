"""The page's own checks, and the program that builds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.web_build import is_stale, new_enough, run_script, source_digest


def test_the_types_hold_and_the_pure_parts_pass_their_tests() -> None:
    run_script("check")
    run_script("test")


@pytest.fixture
def web(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "dist").mkdir()
    (tmp_path / "src" / "main.tsx").write_text("one")
    (tmp_path / "package-lock.json").write_text("{}")
    (tmp_path / "dist" / ".digest").write_text(source_digest(tmp_path) + "\n")
    return tmp_path


def test_a_build_is_kept_while_nothing_it_reads_has_changed(web: Path) -> None:
    assert not is_stale(web)
    (web / "README.md").write_text("not read by the build")
    assert not is_stale(web)


@pytest.mark.parametrize("change", ["src/main.tsx", "package-lock.json", "src/new.ts"])
def test_a_changed_or_new_source_and_a_changed_lock_make_it_stale(web: Path, change: str) -> None:
    (web / change).write_text("two")
    assert is_stale(web)


def test_a_moved_or_missing_file_makes_it_stale(web: Path) -> None:
    (web / "src" / "main.tsx").rename(web / "src" / "start.tsx")
    assert is_stale(web)
    (web / "dist" / ".digest").unlink()
    assert is_stale(web)


@pytest.mark.parametrize(
    ("version", "enough"),
    [("20.18.9", False), ("20.19.0", True), ("v20.20.2", True), ("21.9.0", False), ("22.11.0", False),
     ("22.12.0", True), ("24.1.0", True), ("18.20.0", False), ("what", False)],
)  # fmt: skip
def test_node_is_new_enough_for_the_build_tools(version: str, enough: bool) -> None:
    assert new_enough(version) is enough
