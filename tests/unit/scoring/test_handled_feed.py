"""What a batch adds to the sums of the day, against plain Python."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from batches import batch_of, facts_with

from services.scoring.core.handle_levels import HandleLevels
from services.scoring.core.handled_feed import BOUND, WAIT_MAX_S, note
from services.scoring.core.patience import Patience

NAN = float("nan")


@pytest.mark.parametrize("seed", range(3))
def test_sums_of_the_day_are_those_of_plain_python(seed: int) -> None:
    rng = random.Random(seed)
    levels, patience = HandleLevels(), Patience()
    levels.cover(4)
    patience.cover(3)
    levels.queues.usual[:4] = [5.0, NAN, 6.0, NAN]
    today = np.zeros((4, 3))
    waited_s = given_up = 0.0
    for _ in range(5):
        events: list[dict[str, Any]] = [
            {
                "queue": rng.choice((-1, 0, 1, 2, 3)),
                "handle_s": rng.choice((NAN, 0.0, rng.lognormvariate(5.0, 2.0))),
                "handled": rng.randrange(2),
                "abandoned": rng.randrange(2),
                "wait_s": rng.choice((NAN, rng.expovariate(1 / 2000))),
            }
            for _ in range(100)
        ]
        column = {name: [e[name] for e in events] for name in events[0]}
        batch = batch_of(100, 2, queue=column["queue"], n0=column["handle_s"])
        said = {name: column[name] for name in ("handled", "abandoned", "wait_s")}
        note(batch, facts_with(100, **said), levels, patience)
        for e in events:
            waited_s += 0.0 if math.isnan(e["wait_s"]) else min(e["wait_s"], WAIT_MAX_S)
            given_up += e["abandoned"]
            if e["handled"] and e["queue"] >= 0 and not math.isnan(e["handle_s"]):
                usual, x = float(levels.queues.usual[e["queue"]]), math.log(max(e["handle_s"], 1.0))
                d = x if math.isnan(usual) else min(max(x - usual, -BOUND), BOUND)
                today[e["queue"]] += (1.0, d, d * d)
    np.testing.assert_allclose(levels.today, today, rtol=1e-13)
    assert patience.today_waited_s[2] == pytest.approx(waited_s, rel=1e-13)
    assert patience.today_abandoned[:3].tolist() == [0.0, 0.0, given_up]
