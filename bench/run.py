"""`python -m bench.run`: all benchmarks, a table, and `bench/latest.json`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import end_to_end, evaluation, fanout, ingest, memory, page, scoring
from bench.effort import ROUNDS, BenchFault, Effort, Skipped
from bench.machine import describe_commit, describe_machine
from bench.rows import Results, Row, encode_results, table

LATEST = Path(__file__).with_name("latest.json")
Benchmark = Callable[[Effort, Callable[[str], None]], list[Row]]
BENCHMARKS: dict[str, Benchmark] = {
    "ingest": ingest.run,
    "scoring": scoring.run,
    "evaluation": evaluation.run,
    "end_to_end": end_to_end.run,
    "memory": memory.run,
    "fanout": fanout.run,
    "page": page.run,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 0 when every benchmark that was asked for ran. A missed target is a result, not a fault."""
    asked = _parser().parse_args(arguments)
    effort = Effort.quick(asked.rounds or 1) if asked.quick else Effort(rounds=asked.rounds or ROUNDS)
    whole = not asked.only and not asked.quick and effort.rounds >= ROUNDS
    out: Path | None = asked.out or (LATEST if whole else None)
    rows, left_out = _run(asked.only or list(BENCHMARKS), effort)
    if rows:
        print(f"\n{table(rows)}")
    for line in left_out:
        print(f"NOT MEASURED  {line}")
    if out is not None and rows:
        date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        results = Results(date=date, commit=describe_commit(), machine=describe_machine(), rows=rows)
        out.write_bytes(encode_results(results))
        print(f"written to {out}")
    elif rows:
        print(f"not written: only a whole run of at least {ROUNDS} rounds is kept (or say --out FILE)")
    return 1 if left_out else 0


def _run(names: Sequence[str], effort: Effort) -> tuple[list[Row], list[str]]:
    """Rows, and what was not measured with the reason."""
    rows: list[Row] = []
    left_out = []
    for name in names:
        began_s = time.monotonic()
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            rows += BENCHMARKS[name](effort, _say)
        except (Skipped, BenchFault) as why:
            left_out.append(f"{name}: {why}")
        print(f"{name}: {time.monotonic() - began_s:.0f} s", file=sys.stderr, flush=True)
    return rows, left_out


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--only", action="append", choices=BENCHMARKS, metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--rounds", type=_rounds, help=f"rounds of each side in turn ({ROUNDS})")
    parser.add_argument("--quick", action="store_true", help="one short round, to see that everything runs")
    parser.add_argument("--out", type=Path, help="write the results there, whatever was run")
    return parser


def _rounds(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


if __name__ == "__main__":
    sys.exit(main())
