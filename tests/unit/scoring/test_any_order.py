"""Events in any order within the lateness bound: contacts and agents end where they end, and sums are the same."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from scoring_logs import T0, TENANT, block, hash_of, numbered, play, tick

from services.scoring.core import agent_strain as ags
from services.scoring.core.agent_drivers import COMPLAINTS
from services.scoring.core.engine import Engine
from services.scoring.core.queue_table import TAU_S
from shared.contract.block import Row
from shared.contract.rows import (
    ABANDONED,
    ANSWERED,
    COMPLAINT,
    HANDLED,
    OFFERED,
    STATE,
    STATE_CODES,
    STATE_SHIFT,
)


def feed_of_half_an_hour(rng: random.Random, states: Sequence[str]) -> list[Row]:
    """Contacts with every fate and states with moves between teams; no two events of a subject at the same ms."""
    rows = []
    for i in range(60):
        at_ms = T0 + rng.randrange(150_000) * 10 + i % 10
        who: dict[str, Any] = {"tenant": TENANT, "queue": rng.choice("pq"), "contact": hash_of(i)}
        agent = rng.choice(("ann", "bo", "cy"))
        wait_s = rng.randrange(1, 90) + 0.25
        rows.append(Row(OFFERED, ts_ms=at_ms, id=f"o{i}", **who))
        if i % 7 == 0:
            rows.append(Row(ABANDONED, ts_ms=at_ms + int(1000 * wait_s), id=f"b{i}", n0=wait_s, **who))
        elif i % 11:
            who["agent"] = agent
            answered_ms = at_ms + int(1000 * wait_s)
            rows.append(Row(ANSWERED, ts_ms=answered_ms, id=f"a{i}", n0=wait_s, **who))
            of = {"n0": 90.5, "n1": wait_s, "flags": COMPLAINT * (i % 3 == 0)}
            if i % 5 == 0:  # transferred
                who["agent"] = rng.choice(("ann", "bo", "cy"))
            rows.append(Row(HANDLED, ts_ms=answered_ms + 90_500, id=f"h{i}", **of, **who))
    for k, agent in enumerate(("ann", "bo", "cy")):
        for i in range(20):
            at_ms = T0 + 1 + k + rng.randrange(1_500) * 1000 + 7 * i
            state, team = STATE_CODES[rng.choice(states)], rng.choice(("red", "blue"))
            rows.append(
                Row(STATE, TENANT, at_ms, f"s-{agent}-{i}", agent=agent, other=team, flags=state << STATE_SHIFT)
            )
    return rows


def final_state(engine: Engine) -> dict[str, Any]:
    """Where contacts and agents stand."""
    floor, names = engine._floor, engine._floor.registers
    contacts, agents = floor.contacts, floor.agents
    return {
        "contacts": {
            int(contacts.key[r]): [
                int(contacts.known[r]), int(contacts.offered_ms[r]), int(contacts.answered_ms[r]),
                names.agents.text[contacts.agent[r]] if contacts.agent[r] >= 0 else None,
                names.queues.text[contacts.queue[r]],
            ]
            for r in np.flatnonzero(contacts.key[: contacts.n])
        },
        "agents": {
            name: [
                int(agents.state[i]), int(agents.state_ms[i]), names.teams.text[agents.team[i] - 1],
                int(agents.contact_ms[i]), names.queues.text[agents.queue[i]],
            ]
            for i, name in enumerate(names.agents.text)
        },
    }  # fmt: skip


def sums(engine: Engine) -> dict[str, Any]:
    """What adds up over events, at the time of the last entry: of queues all, of agents what contacts bring.

    Handle times are not among it: how unusual one is depends on those learnt before it. Nor is time itself: hours at
    work are those under the states told so far. A long wait weighs on the agent of the event that tells it first.
    """
    floor, names = engine._floor, engine._floor.registers
    queues, agents = floor.queues, floor.agents
    since_s = (engine.position.ms - queues.t_ms[: queues.n, None]) / 1000.0
    of_queues = queues.sums[: queues.n] * np.exp(-since_s / np.array(TAU_S))
    at_ms = np.full(agents.n, engine.position.ms)
    ags.touch(agents, np.arange(agents.n), at_ms, floor.tuning.agents)
    return {
        **{f"queue {name}": [*of_queues[i], queues.waiting[i]] for i, name in enumerate(names.queues.text)},
        **{f"agent {name}": agents.slow[i, COMPLAINTS] for i, name in enumerate(names.agents.text)},
    }


WORK, REST = ("available", "on_contact", "acw"), ("break", "offline")


@pytest.mark.parametrize("states", [WORK, WORK + REST], ids=["at work", "with breaks"])
@pytest.mark.parametrize("seed", range(2))
def test_any_order_within_the_lateness_bound_ends_in_the_same_state(seed: int, states: Sequence[str]) -> None:
    """Each event comes when it comes, up to the bound after it happened: also an end before its beginning."""
    rng = random.Random(seed)
    rows = feed_of_half_an_hour(rng, states)
    rows.sort(key=lambda row: row.ts_ms)
    last = tick(max(row.ts_ms for row in rows) + 900_000)

    def come(delay_ms: Callable[[], int]) -> Engine:
        arrivals = [(row.ts_ms + delay_ms(), row) for row in rows]
        return play(
            numbered([*(block(ms, [row]) for ms, row in arrivals), last]), Engine(clock_gaps=False, marks="none")
        ).engine

    in_time = come(lambda: 50)
    assert {name: len(part) for name, part in final_state(in_time).items()} == {"contacts": 60, "agents": 3}
    for _ in range(2):
        other = come(lambda: rng.randrange(50, 890_000))
        assert final_state(other) == final_state(in_time)
        a, b = sums(in_time), sums(other)
        assert a.keys() == b.keys()
        for name in a:
            if name.startswith("agent") and states != WORK:
                continue  # a break heals from when it is known
            np.testing.assert_allclose(b[name], a[name], rtol=1e-9, atol=1e-9, err_msg=name)
