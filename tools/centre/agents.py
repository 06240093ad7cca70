"""Those who answer: shifts, contacts, and breaks, which are sometimes missed."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field

from tools.centre import plan
from tools.centre.callers import Callers
from tools.centre.fatigue import some_sensitivity
from tools.centre.floor import Agent, Contact, Floor, Steps
from tools.centre.outcome import outcome_of
from tools.centre.plan import TEAMS, Scenario
from tools.centre.trouble import Troubles

OUTAGE_UNRESOLVED = 0.7  # of the contacts that would else be resolved, while a system is down


@dataclass(frozen=True, slots=True, order=True)
class Pause:
    """Time off contacts: a break, a meeting, or (offline, no reason) an absence that nobody planned."""

    at_s: float
    state: str = field(compare=False)
    reason: str | None = field(compare=False)
    length_s: float = field(compare=False)


def staff(count: int, absent_part: float, rng: random.Random) -> list[Agent]:
    """Agents dealt to the teams in turn; in each team the shifts start in waves.

    Raises ValueError: fewer agents than teams.
    """
    if count < len(TEAMS):
        raise ValueError(f"a centre needs at least {len(TEAMS)} agents, one in each team")
    teams, width = list(TEAMS), max(2, len(str(count)))
    absent = set(rng.sample(range(count), round(count * absent_part)))
    agents = []
    for number in range(count):
        place, team_number = divmod(number, len(teams))
        size = len(range(team_number, count, len(teams)))
        agents.append(
            Agent(
                name=f"agent-{number + 1:0{width}}",
                team=teams[team_number],
                queues=TEAMS[teams[team_number]],
                pace=rng.lognormvariate(0, plan.AGENT_SIGMA),
                shift_start_h=plan.shift_start_h((place + 0.5) / size),
                absent=number in absent,
            )
        )
    return agents


class Agents:
    """Starts the work of all agents of the floor."""

    def __init__(self, floor: Floor, callers: Callers, scenario: Scenario) -> None:
        self._floor, self._callers, self._scenario = floor, callers, scenario
        self._service, self._outcomes = floor.random("service"), floor.random("outcomes")
        self._begin_s = floor.now_s
        self._troubles, people = Troubles(scenario.troubles), floor.random_of_people("sensitivity")
        self._hostile, self._short = floor.random("trouble/abuse"), floor.random("trouble/short_breaks")
        away = floor.random("trouble/absence")
        self._away = {
            number: {a.name for a in floor.agents if a.team == trouble.team and away.random() < trouble.size}
            for number, trouble in enumerate(self._troubles.of("absence"))
        }
        for agent in floor.agents:
            agent.truth.fatigue.sensitivity = some_sensitivity(people)
            floor.env.process(self._work(agent, floor.random(f"agent/{agent.name}")))

    def _work(self, agent: Agent, rng: random.Random) -> Steps:
        """An agent's days: shift, contacts, breaks."""
        floor = self._floor
        midnight_s = -floor.day_s + floor.now_s
        while True:
            start_s = midnight_s + agent.shift_start_h * 3600.0 + rng.uniform(-1, 1) * plan.SHIFT_SPREAD_S
            end_s = start_s + plan.SHIFT_S
            pauses = self._pauses(agent, rng, start_s, end_s)
            midnight_s += plan.DAY_S
            if end_s <= floor.now_s:
                continue
            if start_s > floor.now_s:
                floor.set_state(agent, "offline")
                yield floor.env.timeout(start_s - floor.now_s)
            while floor.now_s < end_s:
                if pauses and pauses[0].at_s <= floor.now_s:
                    yield from self._pause(agent, pauses.popleft(), rng)
                    continue
                contact = floor.take_oldest(agent)
                if contact is None:
                    until_s = pauses[0].at_s if pauses else end_s
                    contact = yield from floor.await_work(agent, until_s - floor.now_s)
                if contact is not None:
                    yield from self._serve(agent, contact)

    def _serve(self, agent: Agent, contact: Contact) -> Steps:
        floor, rng, truth = self._floor, self._service, self._floor.truth.queues[contact.queue]
        floor.set_state(agent, "reserved")
        yield floor.env.timeout(rng.uniform(*plan.RING_S))
        wait_s = floor.now_s - contact.offered_s
        truth.answered += 1
        truth.wait_sum_s += wait_s
        who = {"contact": contact.id, "queue": contact.queue, "agent": agent.name}
        announced = {} if contact.announced_wait_s is None else {"announced_wait_s": contact.announced_wait_s}
        floor.emit("contact.answered", **who, wait_s=round(wait_s, 1), **announced)
        floor.set_state(agent, "on_contact")
        talk_s = contact.issue.talk_median_s * agent.pace * rng.lognormvariate(0, plan.TALK_SIGMA)
        longer = self._troubles.outage_factor(contact.queue, floor.now_s)
        talk_s *= longer
        hold_s = talk_s * plan.HOLD_PART_OF_TALK if rng.random() < plan.HOLD_CHANCE else 0.0
        yield floor.env.timeout(talk_s + hold_s)
        floor.set_state(agent, "acw")
        acw_s = plan.ACW_MEDIAN_S * rng.lognormvariate(0, plan.ACW_SIGMA)
        yield floor.env.timeout(acw_s)
        truth.handle_sum_s += talk_s + hold_s + acw_s
        outcome = outcome_of(contact.issue, contact.attempt, wait_s, self._outcomes)
        if longer > 1 and outcome["outcome"] == "resolved" and self._hostile.random() < OUTAGE_UNRESOLVED:
            outcome = {"outcome": "unresolved"}
        if self._hostile.random() < self._troubles.abusive_part(agent.name, floor.now_s):
            outcome = {"outcome": outcome["outcome"], "complaint": True, "abusive": True}
        agent.truth.fatigue.demand(
            floor.ms(floor.now_s),
            talk_s + hold_s + acw_s,
            abusive=outcome.get("abusive", False),
            complaint=outcome.get("complaint", False),
            resolved=outcome["outcome"] == "resolved",
            again=contact.attempt > 1,
        )
        floor.emit(
            "contact.handled",
            **who,
            talk_s=round(talk_s, 1),
            hold_s=round(hold_s, 1),
            acw_s=round(acw_s, 1),
            caller=contact.caller,
            issue=contact.issue.name,
            **outcome,
            wait_s=round(wait_s, 1),
        )
        self._callers.after_service(contact, resolved=outcome["outcome"] == "resolved")

    def _pauses(self, agent: Agent, rng: random.Random, start_s: float, end_s: float) -> deque[Pause]:
        """What is planned for one shift and not yet past, and an absence that nobody planned."""
        spread = plan.PAUSE_SPREAD_S
        pauses = [
            Pause(start_s + hours * 3600 + rng.uniform(-spread, spread), state, reason, length_s)
            for hours, state, reason, length_s in plan.PAUSES
        ]
        if rng.random() < plan.MEETING_CHANCE:
            at_s = rng.uniform(start_s + 1800, end_s - 3600)
            pauses.append(Pause(at_s, "meeting", "team_meeting", plan.MEETING_S))
        pauses = [pause for pause in pauses if pause.at_s >= self._begin_s]
        for number, trouble in enumerate(self._troubles.of("absence")):
            if agent.name in self._away[number] and start_s < trouble.end_s and trouble.start_s < end_s:
                at_s = max(trouble.start_s, start_s)
                pauses.append(Pause(at_s, "offline", None, trouble.end_s - at_s))
        if agent.absent:
            at_s, until_s = self._scenario.absence_s(self._begin_s)
            if start_s < until_s and at_s < end_s:
                pauses.append(Pause(at_s, "offline", None, until_s - max(at_s, start_s)))
        return deque(sorted(pauses))

    def _pause(self, agent: Agent, pause: Pause, rng: random.Random) -> Steps:
        """Take it, or miss it: the longer callers wait, the more breaks do not happen."""
        floor, length_s = self._floor, pause.length_s
        if pause.state == "break":
            if self._troubles.misses_break(agent.name, floor.now_s):
                self._deny(agent, "missed")
                return
            waits_s = [self._floor.longest_wait_s(queue) for queue in agent.queues]
            missed = plan.MISSED_PAUSE + (plan.MISSED_PAUSE_BUSY if max(waits_s) > plan.LONG_WAIT_S else 0.0)
            if rng.random() < missed:
                self._deny(agent, "missed")
                return
            if self._troubles.cuts_break_short(agent.name, floor.now_s):
                self._deny(agent, "cut short")
                length_s = self._short.uniform(*plan.CUT_SHORT_S)
            else:
                agent.truth.breaks_taken += 1
                agent.truth.rested_ms.append((floor.ms(floor.now_s), floor.ms(floor.now_s + length_s)))
        floor.set_state(agent, pause.state, pause.reason)
        yield floor.env.timeout(length_s)

    def _deny(self, agent: Agent, how: str) -> None:
        agent.truth.breaks_missed += how == "missed"
        agent.truth.denied_ms.append((self._floor.ms(self._floor.now_s), how))
