"""The drawn day in a real browser: it loads nothing, breaks no rule of its own, and speaks two languages."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from chromium import Browser, find_browser

from tools.backtest import main_backtest
from tools.bank_calls import main_convert

PROGRAM = find_browser()
SMALL = Path(__file__).parents[1] / "data" / "bank_calls_small.tsv"

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium on this machine")


@pytest.mark.asyncio
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_a_drawn_day(tmp_path: Path, dark: bool) -> None:
    day, report = tmp_path / "day.ndjson", tmp_path / "day.html"
    with day.open("w") as out:
        main_convert(SMALL, "UTC", out, io.StringIO())
    main_backtest([day], out=io.BytesIO(), err=io.StringIO(), report=report)
    assert PROGRAM
    async with Browser(PROGRAM) as browser:
        page = await browser.open(report.as_uri(), dark=dark)
        await page.sees("h2", "Queues under most strain")
        assert await page.js("document.documentElement.scrollWidth <= innerWidth")
        assert await page.js(OVERLAPS) == []
        ground = await page.js("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(16, 20, 19)") is dark
        await page.click("label[for=lang-zh]")
        await page.sees("h2", "压力最大的队列")
        assert await page.js(OVERLAPS) == []
        assert page.requests == [report.as_uri()]
        assert not page.faults


OVERLAPS = """(() => {
  const found = [];
  for (const svg of document.querySelectorAll(".chart svg")) {
    const boxes = [...svg.querySelectorAll("text")].map(t => [t.textContent, t.getBoundingClientRect()])
      .filter(([, box]) => box.width);
    boxes.forEach(([a, p], i) => boxes.slice(i + 1).forEach(([b, q]) => {
      const wide = Math.min(p.right, q.right) - Math.max(p.left, q.left);
      const high = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
      if (wide > 1 && high > 5) found.push(`${a} | ${b}`);
    }));
  }
  return found;
})()"""
"""Labels that lie on each other; line boxes of neighbours touch by their empty edges."""
