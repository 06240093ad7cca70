"""Agents of the plain Python scorer: one dictionary each, all drivers of agent strain that the log can show."""

from __future__ import annotations

import math
from typing import Any

from services.scoring.core import agent_drivers as ad
from shared.contract.rows import STATE_CODES

OFF = ("unsupported", "quality_checks", "check_in")
"""The log has no such events."""
P = {d.name: {key: bounds.default for key, bounds in d.parameters.items()} for d in ad.AGENT_DRIVERS}
WEIGHT = [0.0 if d.name in OFF else P[d.name]["weight"] for d in ad.AGENT_DRIVERS]
SCALE = ad.SCALE_PER_DRIVER * sum(WEIGHT)
FAST_S, SLOW_S, WINDOW_S = 600.0, 4500.0, 1800.0
WINDOW, ENOUGH, STEPS = 32, 10, 2048
ON_CONTACT, ACW = STATE_CODES["on_contact"], STATE_CODES["acw"]
BUSY = {ON_CONTACT, ACW}
STAFFED = BUSY | {STATE_CODES["available"], STATE_CODES["reserved"]}
AT_WORK = STAFFED | {STATE_CODES["meeting"]}
RESTS = {STATE_CODES["break"], STATE_CODES["offline"]}

Agent = dict[str, Any]


def new_agent(at_ms: int) -> Agent:
    drivers = len(ad.AGENT_DRIVERS)
    return {
        "t_ms": at_ms,
        "state": 0,
        "state_ms": 0,
        "rest_ms": 0,
        "taken_ms": 0,
        "ended_ms": 0,
        "fast": [0.0] * drivers,
        "slow": [0.0] * drivers,
        "work_s": 0.0,
        "busy": 0.0,
        "staffed": 0.0,
        "hard_run": 0,
        "hard_issue": None,
        "handle_times": {},
        "strain": 0.0,
    }


def moved(a: Agent, at_ms: int) -> tuple[list[float], list[float], float, float, float]:
    """(fast, slow, work_s, busy, staffed) at a moment."""
    dt_s = (at_ms - a["t_ms"]) / 1000.0
    if dt_s <= 0.0:
        return a["fast"], a["slow"], a["work_s"], a["busy"], a["staffed"]
    state = a["state"]
    rests = state in RESTS
    fast_left, slow_left = math.exp(-dt_s / FAST_S), math.exp(-dt_s / SLOW_S)
    window_left = math.exp(-dt_s / WINDOW_S)
    if rests:
        fast_left, slow_left = fast_left**3, slow_left**3
    fast = [x * fast_left for x in a["fast"]]
    slow = [x * slow_left for x in a["slow"]]
    busy, staffed = float(state in BUSY), float(state in STAFFED)
    line = P["occupancy"]["line"] / 100.0
    load = (busy - line * staffed) / (1.0 - line)
    fast[ad.OCCUPANCY] += load * (1.0 - fast_left)
    slow[ad.OCCUPANCY] += load * (1.0 - slow_left)
    work_s = a["work_s"]
    if state in AT_WORK:
        over_s = min(work_s + dt_s - 60.0 * P["since_break"]["line_min"], dt_s)
        if over_s > 0.0:
            fast[ad.SINCE_BREAK] += 1.0 - math.exp(-over_s / FAST_S)
            slow[ad.SINCE_BREAK] += 1.0 - math.exp(-over_s / SLOW_S)
        work_s += dt_s
    elif rests:
        away_s = (at_ms - a["rest_ms"]) / 1000.0 - 120.0  # the first two minutes are no break
        work_s = max(work_s - 20.0 * min(max(away_s, 0.0), dt_s), 0.0)
    busy = a["busy"] * window_left + busy * (1.0 - window_left)
    staffed = a["staffed"] * window_left + staffed * (1.0 - window_left)
    return fast, slow, work_s, busy, staffed


def touch(a: Agent, at_ms: int) -> None:
    if at_ms > a["t_ms"]:
        a["fast"], a["slow"], a["work_s"], a["busy"], a["staffed"] = moved(a, at_ms)
        a["t_ms"] = at_ms


def strain_at(a: Agent, at_ms: int) -> float:
    fast, slow, *_ = moved(a, at_ms)
    whole = 0.0
    for d, weight in enumerate(WEIGHT):
        if d == ad.OCCUPANCY:
            level = 0.5 * (max(fast[d], 0.0) + max(slow[d], 0.0))
        elif d in ad.RATED:
            level = 0.5 * (fast[d] + slow[d])
        else:
            level = 0.5 * (fast[d] + slow[d] * FAST_S / SLOW_S)
        whole += level * weight
    return 100.0 * (1.0 - math.exp(-whole / SCALE))


def add(a: Agent, driver: int, amount: float, at_ms: int) -> None:
    """An impulse; one that comes late is added as what is left of it."""
    if amount:
        age_s = (a["t_ms"] - at_ms) / 1000.0
        a["fast"][driver] += amount * math.exp(-age_s / FAST_S)
        a["slow"][driver] += amount * math.exp(-age_s / SLOW_S)


def take(a: Agent, at_ms: int) -> None:
    """A contact is taken: how long after the last one?"""
    gap_s = None
    if a["state"] == ACW and a["taken_ms"] < a["state_ms"] <= at_ms:
        gap_s = 0.0
    elif a["taken_ms"] < a["ended_ms"] <= at_ms:
        gap_s = (at_ms - a["ended_ms"]) / 1000.0
    a["taken_ms"] = max(a["taken_ms"], at_ms)
    pause_s = P["recovery_gap"]["gap_s"]
    if gap_s is not None and gap_s < pause_s:
        add(a, ad.RECOVERY_GAP, P["recovery_gap"]["per_contact"] * (1.0 - gap_s / pause_s), at_ms)


def say(a: Agent, at_ms: int, state: int) -> None:
    """The ACD tells a state."""
    if at_ms < a["state_ms"]:
        return
    if state == ON_CONTACT and a["state"] != ON_CONTACT:
        take(a, at_ms)
    if a["state"] in BUSY and state not in BUSY:
        a["ended_ms"] = max(a["ended_ms"], at_ms)
    if state in RESTS and a["state"] not in RESTS:
        a["rest_ms"] = at_ms
    a["state"], a["state_ms"] = state, at_ms


def _median(values: list[int]) -> float:
    ordered = sorted(values)
    return 0.5 * (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2])


def _z(x: int, values: list[int], median: float) -> float:
    middle = _median(values)
    mad = max(_median([abs(2 * v - round(2 * middle)) for v in values]) / 2.0, 0.05 * STEPS)
    return 0.6745 * (x - median) / mad


def handle_time_z(a: Agent, topic: str, handle_s: float) -> float:
    """Robust z against the own usual of this topic (0 while unknown), and learn it."""
    x = math.floor(math.log(max(handle_s, 1.0)) * STEPS + 0.5)
    own = a["handle_times"].setdefault(topic, {"logs": [], "run": 0})
    whole = a["handle_times"].setdefault("", {"logs": [], "run": 0})
    z, abnormal = 0.0, False
    if len(own["logs"]) >= ENOUGH:
        z = _z(x, own["logs"], _median(own["logs"]))
        abnormal = abs(z) > 3.5
    elif len(whole["logs"]) >= ENOUGH:
        known = len(own["logs"])
        median = ENOUGH * _median(whole["logs"]) + (known * _median(own["logs"]) if known else 0.0)
        z = _z(x, whole["logs"], median / (ENOUGH + known))
    for row, odd in ((own, abnormal), (whole, abs(z) > 3.5)):
        row["run"] = row["run"] + 1 if odd else 0
        if row["run"] >= 20:
            row["run"], row["logs"], odd = 0, [], False
        if not odd:
            row["logs"] = [*row["logs"], x][-WINDOW:]
    return z


def handled(a: Agent, event: dict[str, Any], at_ms: int, repeat: bool) -> None:
    """A contact ended: what it adds."""
    p = P["handle_time"]
    z = handle_time_z(a, event["issue"] or f"queue {event['queue']}", event["handle_s"])
    add(a, ad.HANDLE_TIME, min(max((z - p["z_from"]) / (p["z_full"] - p["z_from"]), 0.0), 1.0), at_ms)
    if event["abusive"]:
        add(a, ad.COMPLAINTS, P["complaints"]["per_abusive"], at_ms)
    elif event["complaint"]:
        add(a, ad.COMPLAINTS, P["complaints"]["per_complaint"], at_ms)
    trying = event["complaint"] or event["abusive"] or event["outcome"] in ("unresolved", "escalated")
    if event["issue"] and (trying or repeat or z >= p["z_from"]):
        a["hard_run"] = a["hard_run"] + 1 if a["hard_issue"] == event["issue"] else 1
        a["hard_issue"] = event["issue"]
    else:
        a["hard_run"], a["hard_issue"] = 0, None
    if a["hard_run"] >= P["same_issue"]["from_contact"]:
        add(a, ad.SAME_ISSUE, P["same_issue"]["per_contact"], at_ms)


def served(a: Agent, wait_s: float, announced_s: float | None, queue_strain: float, at_ms: int) -> None:
    """A contact that waited reached the agent."""
    p = P["excess_wait"]
    over_s = max(wait_s - (p["target_wait_s"] if announced_s is None else announced_s), 0.0)
    add(a, ad.EXCESS_WAIT, min(over_s / p["full_s"], 2.0), at_ms)
    line = P["queue_pressure"]["from_strain"]
    above = max(queue_strain - line, 0.0) / (100.0 - line)
    add(a, ad.QUEUE_PRESSURE, P["queue_pressure"]["per_contact"] * above, at_ms)
