"""Queues of the plain Python scorer: one dictionary each, all drivers of queue strain but surges."""

from __future__ import annotations

import math
from typing import Any

from services.scoring.core import queue_drivers as qd

P = {d.name: {key: bounds.default for key, bounds in d.parameters.items()} for d in qd.QUEUE_DRIVERS}
WEIGHT = {name: p["weight"] for name, p in P.items()}
SCALE = qd.SCALE_PER_DRIVER * (sum(WEIGHT.values()) - WEIGHT["arrivals_surge"])
TAU_S = {
    "arrivals": 1200.0,
    "wait_s": 600.0,
    "waits": 600.0,
    "felt_s2": 600.0,
    "within": 1800.0,
    "ended": 1800.0,
    "abandoned": 1800.0,
    "handle_s": 7200.0,
    "handled": 7200.0,
}
OBSERVED_FOR_MS = 300_000
ROUNDED_S = 1.0
USUAL_WAIT_S = 30.0

Queue = dict[str, Any]


def new_queue(at_ms: int) -> Queue:
    return {
        "first_ms": at_ms,
        "t_ms": at_ms,
        "sums": dict.fromkeys(TAU_S, 0.0),
        "waiting": {},
        "observed_ms": 0,
        "observed": (0.0, None, None),
        "observed_counted": 0,
        "agents": 0,
        "needed": None,
        "strain": 0.0,
    }


def touch(q: Queue, at_ms: int) -> None:
    if at_ms > q["t_ms"]:
        dt_s = (at_ms - q["t_ms"]) / 1000.0
        left = {tau_s: math.exp(-dt_s / tau_s) for tau_s in (600.0, 1200.0, 1800.0, 7200.0)}
        sums = q["sums"]
        for name, tau_s in TAU_S.items():
            sums[name] *= left[tau_s]
        q["t_ms"] = at_ms


def add(q: Queue, name: str, amount: float, at_ms: int) -> None:
    age_s = (q["t_ms"] - at_ms) / 1000.0
    q["sums"][name] += amount * math.exp(-age_s / TAU_S[name]) if age_s > 0.0 else amount


def erlang_a_wait_s(load: float, agents: float, handle_s: float, patience_rate: float) -> float:
    """Mean wait in M/M/n+M, s; the terms are summed from the largest one outwards."""
    if load <= 0.0:
        return 0.0
    n = max(math.floor(agents), 1)
    a = min(load, 3.0 * n)
    r = patience_rate * handle_s
    if a > n and (a - n) ** 2 > 64.0 * a * r:
        return (a - n) / r * handle_s / a
    top = math.floor((a - n) / r) if a > n else 0
    chances, waiting, term = 1.0, float(top), 1.0
    if top == 0:
        chances = inverse_b(a, n)
        if chances >= 1e15:
            return 0.0
    else:
        j = top
        while j > 0 and term > 1e-10:
            term *= (n + j * r) / a
            j -= 1
            chances += term
            waiting += j * term
        if j == 0:
            chances += term * (inverse_b(a, n) - 1.0)
    term, j = 1.0, top
    while True:
        j += 1
        term *= a / (n + j * r)
        chances += term
        waiting += j * term
        if j * term < 1e-7 * chances:
            return waiting / chances * handle_s / a


def inverse_b(load: float, agents: int) -> float:
    """1 / Erlang B."""
    inverse = 1.0
    for k in range(1, agents + 1):
        inverse = 1.0 + inverse * k / load
        if inverse >= 1e15:
            break
    return inverse


def feel(q: Queue, wait_s: float, at_ms: int) -> None:
    """A wait that is over: the square of the longest of the last minutes is kept, fading."""
    most_s = min(wait_s, math.sqrt(qd.LEVEL_MAX / qd.FELT) * P["recent_waits"]["target_wait_s"])
    age_s = max((q["t_ms"] - at_ms) / 1000.0, 0.0)
    felt_s2 = most_s * most_s * math.exp(-age_s / TAU_S["felt_s2"])
    q["sums"]["felt_s2"] = max(q["sums"]["felt_s2"], felt_s2)


def _left(q: Queue, name: str, at_ms: int) -> float:
    return float(q["sums"][name]) * math.exp(-max(at_ms - q["t_ms"], 0) / 1000.0 / TAU_S[name])


def place(c: dict[str, Any], contact: int, kind: str, q: Queue | None, at_ms: int) -> None:
    """A contact waits from its earliest offer until its wait is over, in the queue that its newest event names."""
    before = c["queue"]
    if before is not None:
        before["waiting"].pop(contact, None)
    if kind == "contact.offered":
        c["offered_ms"] = min(c.get("offered_ms", at_ms), at_ms)
    else:
        c["over"] = True
    if q is not None and (before is None or at_ms >= c["last_ms"]):
        c["queue"] = q
    c["last_ms"] = max(c["last_ms"], at_ms)
    if c["queue"] is not None and "offered_ms" in c and "over" not in c:
        c["queue"]["waiting"][contact] = c["offered_ms"]


def observe(q: Queue, observed: tuple[float, float | None, float | None], at_ms: int) -> None:
    """The ACD tells how long the queue is: kept with how many contacts are counted by then."""
    if at_ms >= q["observed_ms"]:
        q["observed_ms"], q["observed"], q["observed_counted"] = at_ms, observed, len(q["waiting"])


def _waiting(q: Queue, at_ms: int) -> tuple[float, float]:
    """How many wait, and for how long the oldest (0 where none does)."""
    waiting, longest_s = float(len(q["waiting"])), None
    if q["waiting"]:
        longest_s = max((at_ms - min(q["waiting"].values())) / 1000.0, 0.0)
    if q["observed_ms"] > 0 and at_ms - q["observed_ms"] <= OBSERVED_FOR_MS:
        observed, seen_s, _ = q["observed"]
        waiting = max(observed + waiting - q["observed_counted"], 0.0)
        if seen_s is not None:
            seen_s += max((at_ms - q["observed_ms"]) / 1000.0, 0.0)
            knows = q["observed_counted"] >= observed
            if not (knows and longest_s is not None and longest_s <= seen_s + ROUNDED_S):
                longest_s = seen_s
    return waiting, longest_s or 0.0 if waiting > 0 else 0.0


def _load(q: Queue, waiting: float, at_ms: int) -> tuple[float, float, float]:
    """(load in Erlangs with those who wait, agents, handle time in s); nobody shares agents in this log."""
    handle_s = (_left(q, "handle_s", at_ms) + 480.0) / (_left(q, "handled", at_ms) + 2.0)
    age_s = max((at_ms - q["first_ms"]) / 1000.0, 600.0)
    rate = _left(q, "arrivals", at_ms) / 1200.0
    if age_s < 12_000.0:
        rate /= 1.0 - math.exp(-age_s / 1200.0)
    agents = q["agents"] or q["observed"][2] or 0.0
    pooled_s = (rate * handle_s + 1e-6 * handle_s) / (rate + 1e-6)
    return rate * handle_s + waiting * pooled_s / 900.0, agents, pooled_s


def count_need(q: Queue, at_ms: int) -> None:
    """Once a minute: agents for a predicted wait within its target, where it is not."""
    p = P["predicted_wait"]
    load, agents, handle_s = _load(q, _waiting(q, at_ms)[0], at_ms)
    q["needed"] = None
    if agents and erlang_a_wait_s(load, agents, handle_s, 1.0 / p["patience_s"]) > p["target_wait_s"]:
        few, enough = math.floor(agents), math.floor(agents) + 1
        while erlang_a_wait_s(load, enough, handle_s, 1.0 / p["patience_s"]) > p["target_wait_s"]:
            few, enough = enough, 2 * enough
        while enough - few > 1:
            middle = (few + enough) // 2
            if erlang_a_wait_s(load, middle, handle_s, 1.0 / p["patience_s"]) > p["target_wait_s"]:
                few = middle
            else:
                enough = middle
        q["needed"] = enough


def clipped(level: float) -> float:
    return min(max(level, 0.0), qd.LEVEL_MAX)


def foreseen(level: float, part: float) -> float:
    """Level of what only a model says: beyond `part` it grows by its logarithm."""
    return part * math.log1p(clipped(level) / part)


def strain_at(q: Queue, at_ms: int) -> float:
    p = P["predicted_wait"]
    waiting, longest_s = _waiting(q, at_ms)
    load, agents, handle_s = _load(q, waiting, at_ms)
    rho = load / max(agents, 1.0) if agents else 0.0
    expected_s = erlang_a_wait_s(load, agents, handle_s, 1.0 / p["patience_s"]) if agents else 0.0
    recent_s = (_left(q, "wait_s", at_ms) + 2.0 * USUAL_WAIT_S) / (_left(q, "waits", at_ms) + 2.0)
    recent_target_s = P["recent_waits"]["target_wait_s"]
    faded = qd.REMEMBERED * clipped(qd.FELT * _left(q, "felt_s2", at_ms) / recent_target_s**2)
    felt = clipped(qd.FELT * (longest_s / recent_target_s) ** 2)
    goal, usual = P["service_level"]["goal"] / 100.0, P["abandonment"]["usual"] / 100.0
    ended = _left(q, "ended", at_ms)
    within = (_left(q, "within", at_ms) + 4.0 * goal) / (ended + 4.0)
    gone = (_left(q, "abandoned", at_ms) + 5.0 * usual) / (ended + 5.0)
    line = P["offered_load"]["line"] / 100.0
    levels = {
        "predicted_wait": clipped(qd.FELT * (longest_s / p["target_wait_s"]) ** 2)
        + foreseen((expected_s - longest_s) / p["target_wait_s"], qd.WAIT_FORESEEN),
        "offered_load": foreseen((rho - line) / (1.0 - line), qd.LOAD_FORESEEN),
        "recent_waits": clipped(recent_s / recent_target_s + max(faded - felt, 0.0)),
        "service_level": clipped((goal - within) / goal),
        "abandonment": clipped((gone - usual) / (P["abandonment"]["full"] / 100.0 - usual)),
    }
    if q["needed"] and expected_s > p["target_wait_s"]:
        short = (q["needed"] - agents) / q["needed"] / (P["staffing"]["full"] / 100.0)
        levels["staffing"] = foreseen(short, qd.LOAD_FORESEEN)
    whole = sum(level * WEIGHT[name] for name, level in levels.items())
    return 100.0 * (1.0 - math.exp(-whole / SCALE))
