"""Those who call: first contacts through the day, surges, and callers who call again."""

from __future__ import annotations

import random

from tools.centre import plan
from tools.centre.floor import Contact, Floor, Steps
from tools.centre.plan import QUEUES, Issue, Scenario
from tools.centre.trouble import Trouble
from tools.centre.truth import Cause


class Callers:
    """Starts a stream of contacts for each queue. `peak_per_s`: first contacts in the busiest hour, all queues."""

    def __init__(self, floor: Floor, scenario: Scenario, peak_per_s: float) -> None:
        self._floor, self._scenario, self._peak_per_s = floor, scenario, peak_per_s
        self._rate_factor = dict.fromkeys(QUEUES, 1.0)
        self._people, self._again = floor.random("people"), floor.random("again")
        for queue in QUEUES:
            floor.env.process(self._arrivals(queue, floor.random(f"arrivals/{queue}")))
        if scenario.surge_at_min is not None:
            floor.env.process(self._surge(60.0 * scenario.surge_at_min, floor.random("surge")))
        for number, trouble in enumerate(scenario.troubles):
            if trouble.kind in ("surge", "burst"):
                floor.env.process(self._extra(trouble, floor.random(f"trouble/{number}")))

    def offered_load_erlang(self, queue: str) -> float:
        """First contacts' true rate now, times their mean handle time: what nobody outside can know."""
        usual_per_s = self._peak_per_s * QUEUES[queue][0]
        load = usual_per_s * self._rate_factor[queue] * plan.handle_mean_s(queue)
        now_ms = self._floor.ms(self._floor.now_s)
        for cause in self._floor.truth.causes:
            if cause.queue == queue and cause.start_ms <= now_ms < cause.end_ms and cause.kind in ("surge", "burst"):
                part = _share(queue, cause.issue) if cause.kind == "burst" else 1.0
                load += usual_per_s * part * (cause.size - 1) * plan.handle_mean_s(queue, cause.issue)
        return load * plan.load_at(self._floor.day_s)

    def after_service(self, contact: Contact, resolved: bool) -> None:
        """Some whose issue is not resolved call again."""
        if not resolved:
            self._maybe_again(contact, plan.CALLS_AGAIN, plan.CALLS_AGAIN_MEAN_S)

    def _arrivals(self, queue: str, rng: random.Random) -> Steps:
        """Poisson, thinned by the hour of the day, times a Gamma factor that is new each quarter of an hour."""
        env, shape = self._floor.env, self._scenario.rate_gamma_shape
        while True:
            self._rate_factor[queue] = rng.gammavariate(shape, 1 / shape)
            bound_per_s = self._peak_per_s * QUEUES[queue][0] * self._rate_factor[queue]
            slot_ends_s = env.now + plan.RATE_SLOT_S
            while (at_s := env.now + rng.expovariate(bound_per_s)) < slot_ends_s:
                yield env.timeout(at_s - env.now)
                if rng.random() < plan.load_at(self._floor.day_s):
                    env.process(self._contact(queue, _some_issue(queue, rng), _some_caller(rng)))
            yield env.timeout(slot_ends_s - env.now)

    def _surge(self, at_s: float, rng: random.Random) -> Steps:
        scenario, queue, env = self._scenario, self._scenario.surge_queue, self._floor.env
        issue = next(issue for issue in QUEUES[queue][1] if issue.name == scenario.surge_issue)
        extra_per_s = (scenario.surge_factor - 1) * self._peak_per_s * QUEUES[queue][0]
        while True:
            start_s, ends_s = max(at_s, self._floor.now_s), at_s + 60.0 * scenario.surge_for_min
            yield env.timeout(start_s - env.now)
            times_ms = self._floor.ms(start_s), self._floor.ms(ends_s)
            self._floor.truth.causes.append(Cause("surge", *times_ms, scenario.surge_factor, queue, issue.name))
            while extra_per_s > 0 and (next_s := env.now + rng.expovariate(extra_per_s)) < ends_s:
                yield env.timeout(next_s - env.now)
                if rng.random() < plan.load_at(self._floor.day_s):
                    env.process(self._contact(queue, issue, _some_caller(rng)))
            if scenario.surge_every_min is None:
                return
            at_s += 60.0 * scenario.surge_every_min

    def _extra(self, trouble: Trouble, rng: random.Random) -> Steps:
        """The contacts that a surge or a burst adds."""
        env, queue = self._floor.env, trouble.queue
        assert queue is not None
        known = {issue.name: issue for issue in QUEUES[queue][1]}
        part = _share(queue, trouble.issue) if trouble.kind == "burst" else 1.0
        extra_per_s = (trouble.size - 1) * part * self._peak_per_s * QUEUES[queue][0]
        yield env.timeout(max(trouble.start_s - env.now, 0.0))
        while extra_per_s > 0 and (next_s := env.now + rng.expovariate(extra_per_s)) < trouble.end_s:
            yield env.timeout(next_s - env.now)
            if rng.random() < plan.load_at(self._floor.day_s):
                issue = _some_issue(queue, rng) if trouble.issue is None else known[trouble.issue]
                env.process(self._contact(queue, issue, _some_caller(rng)))

    def _contact(self, queue: str, issue: Issue, caller: str, attempt: int = 1) -> Steps:
        """Join, then wait for an agent or for the end of patience."""
        floor, truth = self._floor, self._floor.truth.queues[queue]
        contact = floor.new_contact(queue, issue, caller, attempt)
        truth.offered += 1
        truth.repeats += attempt > 1
        # Not every caller says in the menu what it is about: then only the agent's record has the issue.
        issue_field = {"issue": issue.name} if self._people.random() < plan.ISSUE_KNOWN else {}
        floor.emit(
            "contact.offered",
            contact=contact.id,
            queue=queue,
            caller=caller,
            **issue_field,
            channel="voice",
            direction="inbound",
        )
        patience_s = self._people.expovariate(1 / plan.PATIENCE_MEAN_S)
        if floor.route(contact):
            return
        yield contact.assigned | floor.env.timeout(patience_s)
        if contact.assigned.triggered:
            return
        floor.leave(contact)
        wait_s = floor.now_s - contact.offered_s
        truth.abandoned += 1
        truth.wait_sum_s += wait_s
        floor.emit("contact.abandoned", contact=contact.id, queue=queue, wait_s=round(wait_s, 1))
        self._maybe_again(contact, plan.TRIES_AGAIN, plan.TRIES_AGAIN_MEAN_S)

    def _maybe_again(self, contact: Contact, chance: float, mean_s: float) -> None:
        if contact.attempt < plan.ATTEMPTS_MAX and self._again.random() < chance:
            self._floor.env.process(self._call_again(contact, mean_s))

    def _call_again(self, contact: Contact, mean_s: float) -> Steps:
        yield self._floor.env.timeout(plan.PAUSE_S_MIN + self._again.expovariate(1 / mean_s))
        yield from self._contact(contact.queue, contact.issue, contact.caller, contact.attempt + 1)


def _share(queue: str, issue_name: str | None) -> float:
    return sum(issue.share for issue in QUEUES[queue][1] if issue.name == issue_name)


def _some_issue(queue: str, rng: random.Random) -> Issue:
    issues = QUEUES[queue][1]
    return rng.choices(issues, [issue.share for issue in issues])[0]


def _some_caller(rng: random.Random) -> str:
    return f"+000-555-{rng.randrange(100_000):05}"  # no such country code is assigned
