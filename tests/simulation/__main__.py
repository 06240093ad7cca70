"""`python -m tests.simulation [--seeds N | --seed S] [--first S] [--only kill,line]`: many runs, or one again."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from tests.simulation.faults import FAULTS
from tests.simulation.world import simulate


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=50, help="how many runs")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="only this one, with all that happened")
    parser.add_argument("--only", default=",".join(sorted(FAULTS)), help="kinds of faults; empty for none")
    parser.add_argument("--work", type=float, default=150.0, help="simulated seconds of work")
    given = parser.parse_args()
    names = frozenset(filter(None, given.only.split(",")))
    seeds = range(given.first, given.first + given.seeds) if given.seed is None else [given.seed]
    failed, sums, began = [], Counter[str](), time.perf_counter()
    for seed in seeds:
        outcome = simulate(seed, work_s=given.work, names=names)
        sums.update(outcome.figures)
        if given.seed is not None:
            print("\n".join(outcome.told))
            print(outcome.trace)
        if outcome.faults:
            failed.append(seed)
            print(f"seed {seed} failed; again: {again(seed, names, given.work)}")
            for fault in outcome.faults[:12]:
                print(f"  {fault}", flush=True)
        if (seed - given.first) % 10 == 9:
            print(f"{seed - given.first + 1} seeds, {len(failed)} failed", file=sys.stderr)
    print(f"{len(seeds) - len(failed)} of {len(seeds)} seeds held, {time.perf_counter() - began:.0f} s")
    print(", ".join(f"{number:,} {name}" for name, number in sums.items()))
    return 1 if failed else 0


def again(seed: int, names: frozenset[str] = FAULTS, work_s: float = 150.0) -> str:
    """The one command that runs a seed again."""
    only = "" if names == FAULTS else f" --only {','.join(sorted(names)) or ','}"
    return f"python -m tests.simulation --seed {seed}{only}" + (f" --work {work_s:g}" if work_s != 150.0 else "")


if __name__ == "__main__":
    sys.exit(main())
