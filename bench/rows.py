"""What a run of the benchmarks gives: rows, and the file that keeps them.

`bench/latest.json` is `{"date","commit","machine","rows":[{"name","aof","unit","ours":[..],"peer","theirs":[..],
"ratio","target"}]}`, with one value per round.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import msgspec
from msgspec import Struct

NO_STORE = "none"
"""`aof` of a row in which no store is asked to keep anything."""
NO_PEER = "none (absolute target)"
LOWER_IS_BETTER = "(lower is better)"
"""Stands in the unit of a row whose target is an upper bound."""


class Row(Struct, kw_only=True, frozen=True):
    """One measurement beside its peer.

    `ratio` is median of ours over median of theirs; None without a peer. `target` is a bound on the ratio, or without
    a peer on the median of ours: from below, or from above where the unit says that lower is better. None: no target.
    """

    name: str
    aof: str
    unit: str
    ours: list[float]
    peer: str = NO_PEER
    theirs: list[float] = []
    ratio: float | None = None
    target: float | None = None

    @property
    def lower_is_better(self) -> bool:
        """Whether the target is an upper bound."""
        return self.unit.endswith(LOWER_IS_BETTER)

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.target is None:
            return None
        value = median(self.ours) if self.ratio is None else self.ratio
        return value <= self.target if self.lower_is_better else value >= self.target


def row(
    name: str,
    *,
    unit: str,
    ours: Sequence[float],
    aof: str = NO_STORE,
    peer: str = NO_PEER,
    theirs: Sequence[float] = (),
    target: float | None = None,
) -> Row:
    """A row with its ratio. At least one value of ours; a peer has as many."""
    assert ours
    assert len(theirs) in (0, len(ours)), "sides are measured round by round"
    assert bool(theirs) == (peer != NO_PEER)
    return Row(
        name=name,
        aof=aof,
        unit=unit,
        ours=[_short(v) for v in ours],
        peer=peer,
        theirs=[_short(v) for v in theirs],
        ratio=_short(median(ours) / median(theirs)) if theirs else None,
        target=target,
    )


def _short(value: float) -> float:
    """Four digits: the fifth is noise."""
    return float(f"{value:.4g}")


class Results(Struct, kw_only=True, frozen=True):
    """A whole run. `date` is RFC 3339 UTC."""

    date: str
    commit: str
    machine: str
    rows: list[Row]


def encode_results(results: Results) -> bytes:
    """The bytes of `bench/latest.json`, laid out so that a change of one row shows as one."""
    return msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n"


def decode_results(data: bytes) -> Results:
    """The inverse. Raises msgspec.ValidationError."""
    return msgspec.json.decode(data, type=Results)


def table(rows: Sequence[Row]) -> str:
    """Rows as a person reads them, medians only."""
    head = ("what", "aof", "ours", "theirs", "unit", "ratio", "target", "", "peer")
    lines = [head] + [_cells(r) for r in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def _cells(r: Row) -> tuple[str, ...]:
    sign = "<=" if r.lower_is_better else ">="
    return (
        r.name,
        r.aof,
        f"{median(r.ours):,.6g}",
        f"{median(r.theirs):,.6g}" if r.theirs else "",
        r.unit,
        f"{r.ratio:.3g}" if r.ratio is not None else "",
        f"{sign} {r.target:,.6g}" if r.target is not None else "",
        {True: "met", False: "MISSED", None: ""}[r.met],
        r.peer if r.theirs else "",
    )
