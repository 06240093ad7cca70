"""A simulated contact centre: the events that its ACD would send, and beside them what really happened."""

from tools.centre.centre import Centre
from tools.centre.plan import DEMO, MORNING, MORNING_H, Scenario
from tools.centre.trouble import Trouble
from tools.centre.truth import AgentTruth, Cause, Minute, QueueTruth, Truth

__all__ = [
    "DEMO",
    "MORNING",
    "MORNING_H",
    "AgentTruth",
    "Cause",
    "Centre",
    "Minute",
    "QueueTruth",
    "Scenario",
    "Trouble",
    "Truth",
]
