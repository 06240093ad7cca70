"""Batches for tests of single loops: the columns that matter, and nothing in the others."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from services.scoring.core.batch import NAMED, Batch, Facts
from shared.contract.block_wire import NUMBERS

_DEFAULTS: dict[str, tuple[Any, Any]] = {
    "kind": (0, np.uint8),
    "at_ms": (0, np.int64),
    **dict.fromkeys(("queue", "agent", "issue", "team", "department"), (-1, np.intp)),
    "contact": (0, np.uint64),
    "flags": (0, np.uint32),
    **dict.fromkeys(("n0", "n1", "n2", "n3", "n4"), (math.nan, np.float64)),
    "since_previous_ms": (-1, np.int64),
}


def batch_of(n: int, tenant: int = 0, **given: Any) -> Batch:
    """So many events with the columns given, each a value or an array."""
    assert given.keys() <= _DEFAULTS.keys()
    c: dict[str, Any] = {
        name: np.broadcast_to(np.asarray(given.get(name, default)).astype(dtype), n).copy()
        for name, (default, dtype) in _DEFAULTS.items()
    }
    named, numbers = np.array([c[name] for name in NAMED]), np.array([c[name] for name in NUMBERS])
    return Batch(
        tenant, c["kind"], c["at_ms"], named, c["contact"], c["flags"], numbers, c["since_previous_ms"], None,
        np.zeros((n, 2), np.uint64), {},
    )  # fmt: skip


def facts_with(n: int, **given: Any) -> Facts:
    """What so many events say: the columns given, each a value or an array."""
    facts = Facts()
    facts.make_room(n)
    for name, values in given.items():
        np.asarray(getattr(facts, name))[:n] = values
    return facts
