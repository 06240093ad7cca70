"""A simulated contact centre: the events that its ACD would send, and beside them what really happened."""

from tools.centre.centre import HISTORY_S, Centre
from tools.centre.plan import DEMO, Scenario
from tools.centre.trouble import Trouble
from tools.centre.truth import AgentTruth, Cause, Minute, QueueTruth, Truth

__all__ = ["DEMO", "HISTORY_S", "AgentTruth", "Cause", "Centre", "Minute", "QueueTruth", "Scenario", "Trouble", "Truth"]
