"""The drivers of agent strain: what adds to it, in which unit, with which parameters.

To add a driver: a row in AGENT_DRIVERS, its amount in `impulses` (or its rate in `agent_strain`), a value in
`AgentRows.measure`, words in `wording`, a test. Levels are in units of "one lead-worthy load"; a driver's level is
weight times the mean of its fast and its slow integrator.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.scoring.core.bounds import WEIGHT, Bounds

# What a tenant's feed has shown so far: a driver without its source is off and shown as "no data".
SOURCE_CONTACTS, SOURCE_HANDLED, SOURCE_REPEATS, SOURCE_COMPLAINTS, SOURCE_WAITS, SOURCE_STATES = (
    1 << bit for bit in range(6)
)
SOURCE_ISSUES, SOURCE_SUPPORT, SOURCE_CHECKS, SOURCE_CHECK_INS = (1 << bit for bit in range(16, 20))


@dataclass(frozen=True, slots=True)
class AgentDriver:
    """One named part of agent strain. `queue_borne`: it is the queue that weighs, so a queue alert speaks for it."""

    name: str
    unit: str
    source: int
    parameters: dict[str, Bounds]
    queue_borne: bool = False


AGENT_DRIVERS: tuple[AgentDriver, ...] = (
    # Time on contact above 85 % of staffed time: the usual warning line of practitioners, not a measured cut-off.
    AgentDriver("occupancy", "%", SOURCE_CONTACTS, {"weight": WEIGHT, "line": Bounds(85, 50, 99)}),
    # Robust z of ln(handle time) against the agent's own history (Iglewicz & Hoaglin flag 3.5). Never a target.
    AgentDriver(
        "handle_time",
        "x own usual",
        SOURCE_HANDLED,
        {"weight": WEIGHT, "z_from": Bounds(1.5, 0, 10), "z_full": Bounds(3.5, 0.5, 20)},
    ),
    # One contact of a caller who had to come back about the same issue (7 days).
    AgentDriver("repeat_callers", "contacts", SOURCE_REPEATS, {"weight": WEIGHT, "per_contact": Bounds(0.5, 0, 10)}),
    # Hostile contacts weigh more than volume (meta-analyses of surface acting and customer aggression).
    AgentDriver(
        "complaints",
        "contacts",
        SOURCE_COMPLAINTS,
        {"weight": WEIGHT, "per_complaint": Bounds(1.0, 0, 10), "per_abusive": Bounds(2.0, 0, 10)},
    ),
    # Wait of the caller beyond the announced, else the target wait. A minute beyond it lengthens and sours the call.
    AgentDriver(
        "excess_wait",
        "s",
        SOURCE_WAITS,
        {"weight": WEIGHT, "target_wait_s": Bounds(60, 1, 3600), "full_s": Bounds(180, 1, 7200)},
        queue_borne=True,
    ),
    # Strain of the queue when its contact reached the agent. Product choice: counts from 40 on, in full at 100.
    AgentDriver(
        "queue_pressure",
        "strain",
        SOURCE_CONTACTS,
        {"weight": WEIGHT, "from_strain": Bounds(40, 0, 99), "per_contact": Bounds(0.5, 0, 10)},
        queue_borne=True,
    ),
    # Work since the last real break beyond 60 min ("at least 5 min an hour"); see `agent_rows.WORK_PAID_PER_BREAK_S`.
    AgentDriver("since_break", "min", SOURCE_STATES, {"weight": WEIGHT, "line_min": Bounds(60, 10, 480)}),
    # A contact taken with no pause after the last one (effort needs recovery: Meijman & Mulder): `per_contact` without
    # any, nothing from `gap_s` on. Pauses of 1-2 s are known not to help; 20 s is a product choice.
    AgentDriver(
        "recovery_gap",
        "contacts",
        SOURCE_CONTACTS,
        {"weight": WEIGHT, "gap_s": Bounds(20, 1, 600), "per_contact": Bounds(0.2, 0, 10)},
    ),
    # Hard contacts in a row about one issue: lack of variety wears (Deery 2002). From the third on: product choice.
    AgentDriver(
        "same_issue",
        "contacts",
        SOURCE_ISSUES,
        {"weight": WEIGHT, "from_contact": Bounds(3, 2, 20), "per_contact": Bounds(0.5, 0, 10)},
    ),
    # Work since a lead last spoke with the agent: support is a resource (Bakker 2003). Half a shift: product choice.
    AgentDriver("unsupported", "h", SOURCE_SUPPORT, {"weight": WEIGHT, "line_h": Bounds(4, 0.5, 80)}),
    # Being checked weighs, and more on those who carry much already (monitoring and stress: Siegel 2022). The numbers
    # are product choices: a check at strain 50 counts twice one at strain 0.
    AgentDriver(
        "quality_checks",
        "strain",
        SOURCE_CHECKS,
        {"weight": WEIGHT, "per_check": Bounds(0.3, 0, 10), "strained_factor": Bounds(2, 0, 10)},
    ),
    # The agent's own word, 1..5. Product choice: each point above 3 adds, each below relieves a part.
    AgentDriver(
        "check_in",
        "of 5",
        SOURCE_CHECK_INS,
        {"weight": WEIGHT, "per_point": Bounds(0.5, 0, 10), "relief_per_point": Bounds(0.05, 0, 0.4)},
    ),
)

(
    OCCUPANCY, HANDLE_TIME, REPEAT_CALLERS, COMPLAINTS, EXCESS_WAIT, QUEUE_PRESSURE, SINCE_BREAK, RECOVERY_GAP,
    SAME_ISSUE, UNSUPPORTED, QUALITY_CHECKS, CHECK_IN,
) = range(len(AGENT_DRIVERS))  # fmt: skip
assert AGENT_DRIVERS[SINCE_BREAK].name == "since_break"
assert AGENT_DRIVERS[CHECK_IN].name == "check_in"

RATED = (OCCUPANCY, SINCE_BREAK, UNSUPPORTED)
"""Drivers fed by time itself; all others are fed by impulses at events."""

QUEUE_BORNE = tuple(i for i, d in enumerate(AGENT_DRIVERS) if d.queue_borne)
RELIEVED = (
    HANDLE_TIME, REPEAT_CALLERS, COMPLAINTS, EXCESS_WAIT, QUEUE_PRESSURE, SAME_ISSUE, QUALITY_CHECKS, CHECK_IN
)  # fmt: skip
"""Drivers that a lead's support or a compliment eases: what contacts brought, not hours without a pause or break."""

COUNTED = {REPEAT_CALLERS: "per_contact", COMPLAINTS: "per_complaint", RECOVERY_GAP: "per_contact"}
"""Drivers that show how many contacts are still felt, and the parameter that says what one of them adds."""

SCALE_PER_DRIVER = 0.2
"""Strain 63 when the levels of the drivers that are on add up to 0.2 each on average. Product choice: on seeded days
that no figure in the docs is from, the alert line then tells a lead of 15 agents something needless every five hours,
and of half the stretches of high latent fatigue."""
