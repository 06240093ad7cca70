"""The page of all settings is made from the code, and no variable is missing on it."""

from __future__ import annotations

import re
from pathlib import Path

from tools import settings_doc

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_what_the_code_says() -> None:
    assert (ROOT / settings_doc.PAGE).read_text() == settings_doc.page(), "`make contract` writes it"


def test_every_variable_that_the_code_names_is_on_the_page() -> None:
    page = settings_doc.page()
    named = set()
    for package in ("services", "shared", "tools"):
        for path in (ROOT / package).rglob("*.py"):
            if "node_modules" not in path.parts and path.name != "settings_doc.py":
                named |= set(re.findall(r"STRAINWATCH_[A-Z]+(?:_[A-Z]+)*", path.read_text()))
    listed = set(re.findall(r"`(STRAINWATCH_[A-Z_]+)`", page))
    files = {name.removesuffix("_FILE") for name in named if name.endswith("_FILE")}
    missing = {name for name in named if not name.endswith("_FILE")} - listed
    assert not missing
    assert files <= listed
    assert all(f"`{name}`, `_FILE`" in page or f"`{name}`, `_{name.split('_')[1]}_FILE`" in page for name in files)
