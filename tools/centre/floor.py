"""The floor of the centre: who waits, who is idle, who is in which state, and the events that tell of it."""

from __future__ import annotations

import math
import random
import uuid
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, cast

import simpy

from tools.centre.plan import QUEUES, Issue, handle_mean_s
from tools.centre.truth import AgentTruth, Truth

Event = dict[str, Any]
Steps = Generator[simpy.Event, Any, None]

BUSY = ("reserved", "on_contact", "acw")


@dataclass(eq=False, slots=True)
class Contact:
    """`offered_s` is the time it joined; `assigned` happens when an agent takes it from the waiting ones."""

    id: str
    queue: str
    issue: Issue
    caller: str
    attempt: int
    offered_s: float
    announced_wait_s: float | None
    assigned: simpy.Event


@dataclass(eq=False, slots=True)
class Agent:
    """`pace` multiplies talk times; `state` is None before the first day; `work` brings a contact when idle."""

    name: str
    team: str
    queues: tuple[str, ...]
    pace: float
    shift_start_h: float
    absent: bool
    truth: AgentTruth = field(default_factory=AgentTruth)
    state: str | None = None
    since_s: float = 0.0
    work: simpy.Event | None = None


class Floor:
    """`start_ms` is second 0 of `env`, whose first second may be earlier. `out` collects events until taken."""

    def __init__(
        self,
        env: simpy.Environment,
        seed: int,
        start_ms: int,
        clock_s: float,
        truth: Truth,
        people_seed: int | None = None,
    ) -> None:
        self.env, self.truth = env, truth
        self.out: list[Event] = []
        self.agents: list[Agent] = []
        self._waiting: dict[str, dict[str, Contact]] = {queue: {} for queue in QUEUES}  # the oldest first
        self._idle: dict[str, Agent] = {}  # the longest idle first
        self._seed, self._start_ms, self._clock_s = seed, start_ms, clock_s
        self._people_seed = seed if people_seed is None else people_seed
        # Identifiers differ between runs, or a second run of a seed would look like the first one sent again.
        self._ids = self.random(f"ids/{start_ms}")
        self._contacts = 0

    @property
    def now_s(self) -> float:
        return float(self.env.now)

    @property
    def day_s(self) -> float:
        """Second of the centre's day."""
        return self._clock_s + self.now_s

    def ms(self, at_s: float) -> int:
        return self._start_ms + round(at_s * 1000)

    def random_of_people(self, name: str) -> random.Random:
        """As `random`, and the same on every day of these people."""
        return random.Random(f"{self._people_seed}/{name}")  # noqa: S311  a simulation, no secret

    def random(self, name: str) -> random.Random:
        """A stream of its own for each purpose: a surge changes nothing in who arrives otherwise."""
        return random.Random(f"{self._seed}/{name}")  # noqa: S311  a simulation, no secret

    def emit(self, kind: str, **fields: object) -> None:
        event_id = str(uuid.UUID(int=self._ids.getrandbits(128), version=4))
        self.out.append({"type": kind, "id": event_id, "ts": self.ms(self.now_s), **fields})

    # --- contacts ---

    def new_contact(self, queue: str, issue: Issue, caller: str, attempt: int) -> Contact:
        self._contacts += 1
        return Contact(
            id=f"c-{self._start_ms:x}-{self._contacts}",
            queue=queue,
            issue=issue,
            caller=caller,
            attempt=attempt,
            offered_s=self.now_s,
            announced_wait_s=self._announced_wait_s(queue),
            assigned=self.env.event(),
        )

    def route(self, contact: Contact) -> bool:
        """Give the contact to the agent who is idle longest, else let it wait. True: it has an agent."""
        agent = next((agent for agent in self._idle.values() if contact.queue in agent.queues), None)
        if agent is None or agent.work is None:
            self._waiting[contact.queue][contact.id] = contact
            return False
        del self._idle[agent.name]
        agent.work.succeed(contact)
        return True

    def leave(self, contact: Contact) -> None:
        del self._waiting[contact.queue][contact.id]

    def take_oldest(self, agent: Agent) -> Contact | None:
        """The contact that has waited longest in the agent's queues, taken from them."""
        heads = [next(iter(self._waiting[q].values())) for q in agent.queues if self._waiting[q]]
        if not heads:
            return None
        contact = min(heads, key=lambda head: head.offered_s)
        self.leave(contact)
        contact.assigned.succeed()
        return contact

    def waiting(self, queue: str) -> int:
        return len(self._waiting[queue])

    def longest_wait_s(self, queue: str) -> float:
        oldest = next(iter(self._waiting[queue].values()), None)
        return 0.0 if oldest is None else self.now_s - oldest.offered_s

    def _announced_wait_s(self, queue: str) -> float | None:
        """What the announcement says on joining: length of the queue by pace of the agents, in half minutes."""
        if any(queue in agent.queues for agent in self._idle.values()):
            return None
        busy = max(1, sum(agent.state in BUSY for agent in self.agents if queue in agent.queues))
        expected_s = (self.waiting(queue) + 1) * handle_mean_s(queue) / busy
        return 30.0 * math.ceil(expected_s / 30.0)

    # --- agents ---

    def await_work(self, agent: Agent, for_s: float) -> Generator[simpy.Event, Any, Contact | None]:
        """Be available for at most `for_s`."""
        self.set_state(agent, "available")
        agent.work = self.env.event()
        self._idle[agent.name] = agent
        yield agent.work | self.env.timeout(for_s)
        if agent.work.triggered:
            return cast(Contact, agent.work.value)
        del self._idle[agent.name]
        return None

    def set_state(self, agent: Agent, state: str, reason: str | None = None) -> None:
        if state == agent.state:
            return
        self.account(agent)
        rested_ms = agent.truth.rested_ms
        if agent.state == "offline" and rested_ms:
            rested_ms[-1] = rested_ms[-1][0], self.ms(self.now_s)
        if state == "offline":
            rested_ms.append((self.ms(self.now_s), None))
        agent.state = state
        agent.truth.fatigue.change(self.ms(self.now_s), state)
        reason_field = {} if reason is None else {"reason": reason}
        self.emit("agent.state", agent=agent.name, state=state, **reason_field, team=agent.team)

    def account(self, agent: Agent) -> None:
        """Put the time since the last call to the account of the agent's present state."""
        if agent.state is not None:
            seconds = agent.truth.seconds
            seconds[agent.state] = seconds.get(agent.state, 0.0) + self.now_s - agent.since_s
        agent.since_s = self.now_s
