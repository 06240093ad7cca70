"""The figures, as JSON and as the table in docs/guarantees.md."""

from __future__ import annotations

import fcntl
import json
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.chaos.rows import Row

ROOT = Path(__file__).resolve().parents[2]
RESULTS, PAGE = ROOT / "docs" / "chaos.json", ROOT / "docs" / "guarantees.md"
BEGIN, END = "<!-- chaos: begin -->", "<!-- chaos: end -->"


def line(row: Row) -> str:
    """For the terminal."""
    said = row.as_json()
    if row.skipped:
        return f"SKIPPED  {row.name}: {row.skipped}"
    recovery = f", recovery p50 {said['recovery_p50_s']} s, p99 {said['recovery_p99_s']} s" if row.recovery_s else ""
    figures = "".join(f", {name} {value}" for name, value in row.figures.items())
    return (
        f"{'ok      ' if row.well else 'BROKEN  '} {row.name}: {row.runs} runs, {row.acknowledged:,} acknowledged, "
        f"{row.lost} lost, {row.doubled} doubled, equal {row.equal}/{row.judgements} ({row.alerts:,} alert changes)"
        f"{recovery}{figures}"
    )


def record(rows: list[Row], seed: int, store: str, *, warm: bool, whole: bool = True) -> None:
    """Put rows that ran into the results, in the place of their older ones, and write the table anew. One that is not
    whole, because it still goes on, takes the place of those with fewer runs only."""
    with (Path(tempfile.gettempdir()) / "strainwatch-chaos.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs may go beside each other
        _record(rows, seed, store, warm=warm, whole=whole)


def _record(rows: list[Row], seed: int, store: str, *, warm: bool, whole: bool) -> None:
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"rows": []}
    held = {(row["fault"], row["store"]): row for row in known["rows"]}
    at = {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}Z",
        "commit": _commit(),
        "seed": seed,
        "store": store,
        "warm": warm,
    }
    for row in rows:
        before = held.get((row.name, store))
        if before is None or not (row.skipped or (not whole and row.runs < before["runs"])):
            held[row.name, store] = at | row.as_json()
    ordered = list(held.values())
    RESULTS.write_text(json.dumps({"rows": ordered}, indent=1) + "\n")
    text = PAGE.read_text() if PAGE.exists() else f"{BEGIN}\n{END}\n"
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    PAGE.write_text(f"{head}{BEGIN}\n{markdown(ordered)}{END}{tail}")


def markdown(rows: list[dict[str, Any]]) -> str:
    """The table."""
    out = [
        "| fault | runs | acknowledged | lost | doubled | as the oracle | back after p50 / p99 / max | more | run |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if row["skipped"]:
            out.append(f"| {row['fault']} | not run: {row['skipped']} | | | | | | | |")
            continue
        equal = f"{row['equal']}/{row['judgements']}, {row['alert_changes']:,} changes" if row["judgements"] else ""
        took = [row[f"recovery_{part}_s"] for part in ("p50", "p99", "max")]
        recovery = " / ".join(str(s) for s in took) + " s" if took[0] is not None else ""
        more = "; ".join(f"{name} {value}" for name, value in row["figures"].items())
        if row["faults"]:
            more = "; ".join([*filter(None, [more]), f"**broken: {row['faults'][0][:160]}**".replace("|", "/")])
        ran = f"{row['date']} {row['commit']} {row['store']}{', warm' if row['warm'] else ''}"
        out.append(
            f"| {row['fault']} | {row['runs']} | {row['acknowledged']:,} | {_of(row['lost'], row['acknowledged'])} "
            f"| {_of(row['doubled'], row['acknowledged'])} | {equal} | {recovery} | {more} | {ran} |"
        )
    return "\n".join(out) + "\n"


def _of(number: int, total: int) -> str:
    """So many of N; for none, what the rate is below with 95 % confidence (rule of three)."""
    if not total:
        return ""
    return f"{number} of {total:,}" if number else f"0 (< {3 / total:.1e})"


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"
