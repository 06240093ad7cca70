"""The drawn day in a real browser: it loads nothing, breaks no rule of its own, and speaks two languages."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from chromium import Browser
from marks import IN_BROWSER

from tools.backtest import main_backtest
from tools.bank_calls import main_convert

SMALL = Path(__file__).parents[1] / "data" / "bank_calls_small.tsv"

pytestmark = IN_BROWSER


@pytest.mark.parametrize(("dark", "width"), [(False, 1440), (True, 390)], ids=["light and wide", "dark and narrow"])
async def test_a_drawn_day(browser: Browser, tmp_path: Path, dark: bool, width: int) -> None:
    day, report, other = tmp_path / "day.ndjson", tmp_path / "day.html", tmp_path / "calmer.toml"
    other.write_text('revision = 2\n[alerts."queue.strain"]\nopen_line = 90\n')
    with day.open("w") as out:
        main_convert(SMALL, "UTC", out, io.StringIO())
    main_backtest([day], out=io.BytesIO(), err=io.StringIO(), report=report, other=other)
    page = await browser.open(report.as_uri(), width=width, dark=dark)
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
