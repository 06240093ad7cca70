"""What the events of a batch add to the strain of their agents, driver by driver.

A driver that is fed by events has its line here; one that is fed by time itself stands in `agent_strain.move`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.scoring.core import agent_drivers as ad
from services.scoring.core.baseline import HandleTimes
from services.scoring.core.contacts import Facts
from services.scoring.core.intake import Batch
from services.scoring.core.tuning import Tuning
from shared.contract.rows import ABANDONED, ABUSIVE, ANSWERED, COMPLAINT

Rows = NDArray[np.intp]


def impulses(
    b: Batch,
    facts: Facts | None,
    of_contact: Rows,
    handle_times: HandleTimes,
    queue_strain: NDArray[np.float64],
    tuning: Tuning,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Amounts and measured values [events, driver], handle times that end here (else NaN), and their beginnings."""
    amounts = np.zeros((b.n, len(ad.AGENT_DRIVERS)))
    measured = np.full((b.n, len(ad.AGENT_DRIVERS)), np.nan)
    handle_s = np.full(b.n, np.nan)
    began = np.zeros(b.n, np.int64)
    if facts is None:
        return amounts, measured, handle_s, began
    p, t = tuning.agent, b.tenant
    mine = b.agent[of_contact] >= 0
    handled = of_contact[facts.handled & mine]
    if handled.size:
        handle_s[handled] = b.n0[handled]
        began[handled] = facts.began_ms[facts.handled & mine]
        # A topic is an issue (odd) or a queue (even); 0 is neither, so that a key is never 0.
        topic = np.where(b.issue[handled] >= 0, 2 * b.issue[handled] + 1, 2 * b.queue[handled] + 2)
        z, ratio = handle_times.observe(handle_times.rows_of(b.agent[handled], topic), b.n0[handled])
        amounts[handled, ad.HANDLE_TIME] = ad.handle_time_amount(
            z, p["handle_time", "z_from"][t], p["handle_time", "z_full"][t]
        )
        measured[handled, ad.HANDLE_TIME] = ratio
        amounts[handled, ad.COMPLAINTS] = ad.complaints_amount(
            (b.flags[handled] & COMPLAINT) != 0,
            (b.flags[handled] & ABUSIVE) != 0,
            p["complaints", "per_complaint"][t],
            p["complaints", "per_abusive"][t],
        )
    repeats = of_contact[facts.repeat & mine]
    amounts[repeats, ad.REPEAT_CALLERS] = p["repeat_callers", "per_contact"][t]
    waited = mine & (facts.wait_s == facts.wait_s) & (b.kind[of_contact] != ABANDONED)
    if waited.any():
        w = of_contact[waited]
        announced = np.where(b.kind[w] == ANSWERED, b.n1[w], np.nan)
        beyond_s = ad.excess_wait_s(facts.wait_s[waited], announced, p["excess_wait", "target_wait_s"][t])
        amounts[w, ad.EXCESS_WAIT] = np.minimum(beyond_s / p["excess_wait", "full_s"][t], 2.0)
        measured[w, ad.EXCESS_WAIT] = beyond_s
        pressing = w[b.queue[w] >= 0]
        strain = queue_strain[b.queue[pressing]]
        amounts[pressing, ad.QUEUE_PRESSURE] = ad.queue_pressure_amount(
            strain, p["queue_pressure", "from_strain"][t], p["queue_pressure", "per_contact"][t]
        )
        measured[pressing, ad.QUEUE_PRESSURE] = strain
    return amounts, measured, handle_s, began
