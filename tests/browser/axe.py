"""axe-core, one of the page's own packages, looks at a page."""

from __future__ import annotations

import pytest
from chromium import Page

from tools.web_build import WEB

_AXE = WEB / "node_modules" / "axe-core" / "axe.min.js"
NEEDS_AXE = pytest.mark.skipif(not _AXE.is_file(), reason="axe-core is not among the packages of the page")
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_FOUND = (
    f"axe.run(document, {{ runOnly: {_RULES} }})"
    ".then(told => told.violations.map(each => `${each.impact} ${each.id}: ${each.nodes.map(node => node.html)}`))"
)


async def finds(page: Page) -> list[str]:
    """What is wrong with it, in a sentence each: nothing, not even what is only moderate, is let through."""
    await page.settle()
    await page.js(f"{_AXE.read_text(encoding='utf-8')};0")
    found: list[str] = await page.js(_FOUND)
    return found
