"""`python -m bench.evaluate`: seeded days and real calls, `bench/evaluation.json`, and the page of the docs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.evaluate import results as files
from bench.evaluate.days import SIZES, Day, all_days, quick_days, some_days
from bench.evaluate.ours import FACTORS
from bench.evaluate.page import filled
from bench.evaluate.real import RealOutcome, judge_real, real_slots
from bench.evaluate.run import seeded
from bench.evaluate.weights import levels_of, pick

ROOT = Path(__file__).parents[2]
OUT = ROOT / "bench" / "evaluation.json"
PAGE = ROOT / "docs" / "evaluation.md"
CACHE = ROOT / "data" / "evaluation"
BANK_CALLS = ROOT.parent / "shared" / "data" / "bank-calls" / "1999-02-01_to_14.tsv"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; only a whole run replaces the committed files, others need `--out`."""
    asked = _parser().parse_args(arguments)
    whole = not (asked.quick or asked.days or asked.lines or asked.sizes)
    out: Path | None = asked.out or (OUT if whole else None)
    judged, tuning = _days(asked.quick, asked.days, asked.sizes)
    kinds, detail, weighed = seeded(
        judged, tuning, asked.cache, asked.workers, _say, asked.lines or (1 if asked.quick else len(FACTORS))
    )
    real: dict[str, RealOutcome] = {}
    if asked.bank_calls.exists() and not asked.quick:
        slots = real_slots(asked.bank_calls, levels_of)
        real, detail.real_days = judge_real(slots)
        detail.weights = pick(weighed, slots)
    elif not asked.quick:
        _say(f"no real calls at {asked.bank_calls}: `real` stays empty")
    results = files.Results(kinds, real)
    text = filled(PAGE.read_text(encoding="utf-8"), results, detail)
    if out is not None:
        out.write_bytes(files.encode(results))
        out.with_name(f"{out.stem}_detail.json").write_bytes(files.encode(detail))
        (PAGE if whole and out == OUT else out.with_suffix(".md")).write_text(text, encoding="utf-8")
    else:
        print(text)
    return 0


def _days(quick: bool, number: int | None, sizes: str | None) -> tuple[list[Day], list[Day]]:
    if quick:
        return quick_days("judged"), quick_days("tuning")
    if number is not None:
        return some_days("judged", number), some_days("tuning", number)
    wanted = set(map(int, sizes.split(","))) if sizes else set(SIZES)
    judged, tuning = ([day for day in all_days(split) if day.agents in wanted] for split in ("judged", "tuning"))
    return judged, tuning


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.evaluate", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few small days and no real calls: see that it runs")
    parser.add_argument("--days", type=int, help="so many small days, for a look while building")
    parser.add_argument("--sizes", help="only centres of so many agents, such as 10,24: a part of the whole run")
    parser.add_argument("--lines", type=int, help="points of the curve of delay over false alarms, the default first")
    parser.add_argument("--out", type=Path, help="results go here; the detail and the page beside it")
    parser.add_argument("--cache", type=Path, default=CACHE, help="days already made are kept here")
    parser.add_argument("--bank-calls", type=Path, default=BANK_CALLS, help="tab-separated call records")
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1), help="processes")
    return parser


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
