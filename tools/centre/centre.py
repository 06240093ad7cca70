"""A contact centre in SimPy: callers, queues and agents, as the events that its ACD would send.

One seed gives one day, to the byte. Time is simulated: nothing here reads a clock or sleeps.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator

import simpy

from tools.centre import plan
from tools.centre.agents import Agents, staff
from tools.centre.callers import Callers
from tools.centre.floor import BUSY, Event, Floor, Steps
from tools.centre.plan import QUEUES, Scenario
from tools.centre.truth import Cause, Minute, QueueTruth, Truth

OBSERVE_S = 5  # as often as the faster ACDs report their queues
NOTE_S = 60


class Centre:
    """`agents` people in three teams on four queues; `start_ms` is time 0, `clock_h` the hour of its day there.

    With `scenario.warm_start` it has been at work for `warm_min` before, and those events come first.
    `people_seed` gives the agents their pace and their sensitivity: with it, days of other seeds have the same people.
    `truth` is what really happened, kept apart from the events.

    Raises ValueError: fewer agents than teams.
    """

    def __init__(
        self,
        *,
        seed: int,
        start_ms: int,
        agents: int = 24,
        clock_h: float = 10.0,
        scenario: Scenario | None = None,
        people_seed: int | None = None,
    ) -> None:
        self._scenario = scenario or Scenario()
        self.begin_s = -60.0 * self._scenario.warm_min if self._scenario.warm_start else 0.0
        self._env = simpy.Environment(initial_time=self.begin_s)
        self.truth = Truth(queues={queue: QueueTruth() for queue in QUEUES})
        self._floor = Floor(self._env, seed, start_ms, clock_h * 3600.0, self.truth, people_seed)
        self._floor.agents = staff(agents, self._scenario.absent_part, self._floor.random_of_people("staff"))
        self.truth.agents = {agent.name: agent.truth for agent in self._floor.agents}
        self._callers = Callers(self._floor, self._scenario, plan.first_contacts_per_s(agents))
        Agents(self._floor, self._callers, self._scenario)
        self._env.process(self._observe())
        if self._scenario.absent_part > 0:
            start_s, end_s = self._scenario.absence_s(self._floor.now_s)
            times_ms = self._floor.ms(start_s), self._floor.ms(end_s)
            self.truth.causes.append(Cause("absence", *times_ms, self._scenario.absent_part))
        self.truth.causes.extend(trouble.cause(self._floor.ms(0.0)) for trouble in self._scenario.troubles)

    def events(self, until_s: float) -> Iterator[Event]:
        """Events up to `until_s` seconds after the start, in the order of time; call again to go on."""
        while self._env.peek() <= until_s:
            self._env.step()
            if self._floor.out:
                ready, self._floor.out = self._floor.out, []
                yield from ready

    def _observe(self) -> Steps:
        floor = self._floor
        for tick in itertools.count(0 if self._scenario.warm_start else 1):
            if tick:
                yield self._env.timeout(OBSERVE_S)
            minute_ends = tick * OBSERVE_S % NOTE_S == 0
            for queue in QUEUES:
                states = Counter(agent.state for agent in floor.agents if queue in agent.queues)
                busy = sum(states[state] for state in BUSY)
                waiting, longest_wait_s = floor.waiting(queue), floor.longest_wait_s(queue)
                staffed = busy + states["available"]  # ready for contacts: not those in breaks and meetings
                # But for its beginning, the queue of hours ago says nothing of now.
                if floor.now_s >= -60.0 * plan.WARM_MIN or not tick:
                    floor.emit(
                        "queue.observed",
                        queue=queue,
                        waiting=waiting,
                        longest_wait_s=round(longest_wait_s, 1),
                        agents_staffed=staffed,
                        agents_available=states["available"],
                        agents_busy=busy,
                    )
                if minute_ends:
                    load = self._callers.offered_load_erlang(queue)
                    now_ms = floor.ms(floor.now_s)
                    self.truth.minutes.append(Minute(now_ms, queue, load, staffed, busy, waiting, longest_wait_s))
            if minute_ends:
                for agent in floor.agents:
                    floor.account(agent)
