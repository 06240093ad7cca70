"""Says at the end what was run: how many tests of each kind, and how they ended."""

from __future__ import annotations

from collections import Counter
from typing import Any

KINDS = {
    "unit": "pure parts, no event loop",
    "contract": "golden samples, both log adapters, each service over its real protocol",
    "simulation": "whole runs from one seed",
    "acceptance": "the installed program as a person starts it",
    "browser": "the page in a real browser",
}
OUTCOMES = ("passed", "failed", "error", "skipped", "xfailed", "xpassed")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    counts: dict[str, Counter[str]] = {}
    for outcome in OUTCOMES:
        for report in terminalreporter.stats.get(outcome, ()):
            parts = str(getattr(report, "nodeid", "")).split("/")
            kind = parts[1] if len(parts) > 2 and parts[0] == "tests" else "other"
            counts.setdefault(kind, Counter())[outcome] += 1
    if not counts:
        return
    terminalreporter.section("what was run")
    for kind in (*(kind for kind in KINDS if kind in counts), *sorted(counts.keys() - KINDS.keys())):
        told = ", ".join(f"{number} {outcome}" for outcome, number in counts[kind].items())
        terminalreporter.line(f"{kind:<12}{told:<32}{KINDS.get(kind, '')}")
