"""One queue at a time: measures that decay by themselves, and drivers judged from them at a moment.

Queues that share agents wait for the same people: waiting and load are pooled by the overlap of their agents.
Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

import cython
import numpy as np
from cython.cimports.libc.math import exp

from services.scoring.core import queue_drivers as qd
from services.scoring.core import queue_table as qt
from services.scoring.core.pools import Pools
from services.scoring.core.queue_levels import beyond, clipped, faded, felt, foreseen, fourth, lacking, lately, twelfth
from services.scoring.core.queue_table import QueueParameters, Queues
from services.scoring.core.usual_waits import CAP_MORE_S, CAP_TIMES, HOUR_MS, HOURS
from services.scoring.core.waiting import agents_needed, erlang_a_wait_s

OBSERVED_FOR_MS = 300_000
"""An observation of the queue length is believed for 5 min; then the contacts themselves are counted again."""

_ROUNDED_S = cython.declare(cython.double, 1.0)
"""ACDs tell the longest wait in whole seconds."""

# What is assumed before anything is known, and how many contacts that assumption is worth. Product choices.
_HANDLE_S = cython.declare(cython.double, 240.0)
_HANDLE_WORTH = cython.declare(cython.double, 2.0)
_WAIT_WORTH = cython.declare(cython.double, 2.0)
_LEVEL_WORTH = cython.declare(cython.double, 4.0)
_LEFT_WORTH = cython.declare(cython.double, 5.0)
_RATE_AGE_MIN_S = cython.declare(cython.double, 600.0)
"""A rate is taken over at least ten minutes: the first contact of the night is not a rush."""
_WARM = cython.declare(cython.double, 10.0)
"""After ten time constants a rate is known to 5 in 100,000."""
_BACKLOG_S = cython.declare(cython.double, 900.0)
"""Those who wait are work of the next quarter of an hour. Product choice."""
_OWN_RATE = cython.declare(cython.double, 1e-6)
"""Arrivals per s (one in twelve days) below which the pool's handle time gives way to the queue's own."""
_KNOWN = cython.declare(cython.double, 0.05)
"""Contacts, faded as they are, below which a mean or a share of them is what is assumed: it is not told as measured."""
_SHARE_ENOUGH = cython.declare(cython.double, 20.0)
"""Contacts before a share of repeat callers is told. Product choice: one caller is then 5 points."""

_WAIT_FORESEEN = cython.declare(cython.double, qd.WAIT_FORESEEN)
_LOAD_FORESEEN = cython.declare(cython.double, qd.LOAD_FORESEEN)
_FELT_TIMES = cython.declare(cython.double, (qd.LEVEL_MAX / qd.FELT) ** 0.5)
_D = cython.declare(cython.Py_ssize_t, qt.D)
_PREDICTED_WAIT = cython.declare(cython.Py_ssize_t, qd.PREDICTED_WAIT)
_OFFERED_LOAD = cython.declare(cython.Py_ssize_t, qd.OFFERED_LOAD)
_RECENT_WAITS = cython.declare(cython.Py_ssize_t, qd.RECENT_WAITS)
_SERVICE_LEVEL = cython.declare(cython.Py_ssize_t, qd.SERVICE_LEVEL)
_ABANDONMENT = cython.declare(cython.Py_ssize_t, qd.ABANDONMENT)
_REPEAT_SHARE = cython.declare(cython.Py_ssize_t, qd.REPEAT_SHARE)
_STAFFING = cython.declare(cython.Py_ssize_t, qd.STAFFING)
_ARRIVALS_SURGE = cython.declare(cython.Py_ssize_t, qd.ARRIVALS_SURGE)

_ARRIVALS = cython.declare(cython.Py_ssize_t, qt.ARRIVALS)
_WAIT_SUM = cython.declare(cython.Py_ssize_t, qt.WAIT_SUM)
_WAIT_COUNT = cython.declare(cython.Py_ssize_t, qt.WAIT_COUNT)
_WITHIN = cython.declare(cython.Py_ssize_t, qt.WITHIN)
_ENDED = cython.declare(cython.Py_ssize_t, qt.ENDED)
_ABANDONED = cython.declare(cython.Py_ssize_t, qt.ABANDONED)
_HANDLE_SUM = cython.declare(cython.Py_ssize_t, qt.HANDLE_SUM)
_HANDLE_COUNT = cython.declare(cython.Py_ssize_t, qt.HANDLE_COUNT)
_JOINED = cython.declare(cython.Py_ssize_t, qt.JOINED)
_REPEATS = cython.declare(cython.Py_ssize_t, qt.REPEATS)
_SUMS = cython.declare(cython.Py_ssize_t, len(qt.TAU_S))
_TAU_S = cython.declare(cython.double[::1], memoryview(np.array(qt.TAU_S)))
_HOURS_S = cython.declare(cython.double, qt.TAU_S[qt.HANDLE_SUM])
# One exponential serves all sums: their time constants are this one's, its fourth, sixth and twelfth.
assert tuple(qt.TAU_S[qt.HANDLE_SUM] / part for part in (6, 12, 12, 4, 4, 4, 1, 1, 1, 1)) == qt.TAU_S
# What these drivers keep of their level in a minute, at least: means of sums shrink by no more than the sums do.
_RECENT_KEPT = cython.declare(cython.double, exp(-60.0 / qt.TAU_S[qt.WAIT_SUM]))
_ENDED_KEPT = cython.declare(cython.double, exp(-60.0 / qt.TAU_S[qt.ENDED]))
# And what load and handle times may do in a minute, at least and at most: arrivals decay by 0.951, and by up to 0.930
# more as the time they are taken over grows from ten minutes; a handle time moves by up to 0.9 % towards what is
# assumed, and a pool's, in which queues of different age change weight, by up to 14 %.
_LOAD_LOW = cython.declare(cython.double, 0.87)
_LOAD_HIGH = cython.declare(cython.double, 0.96)
_HANDLE_HIGH = cython.declare(cython.double, 1.15)
_HOUR_MS = cython.declare(cython.longlong, HOUR_MS)
_HOURS = cython.declare(cython.longlong, HOURS)
_CAP_TIMES = cython.declare(cython.double, CAP_TIMES)
_CAP_MORE_S = cython.declare(cython.double, CAP_MORE_S)
_BELIEVED_MS = cython.declare(cython.longlong, OBSERVED_FOR_MS)
_NAN = cython.declare(cython.double, float("nan"))


@cython.final
@cython.cclass
class QueueRows:
    """The columns of the table and of the pools, bound once; and one row at a time, judged at a moment."""

    def __init__(self, queues: Queues, p: QueueParameters, pools: Pools) -> None:
        self.version, self.p, self.pools, self.pools_version = queues.version, p, pools, pools.version
        self.first_ms = memoryview(queues.first_ms)
        self.t_ms = memoryview(queues.t_ms)
        self.sums = memoryview(queues.sums)
        self.counted = memoryview(queues.waiting)
        self.oldest_ms = memoryview(queues.oldest_ms)
        self.observed_ms = memoryview(queues.observed_ms)
        self.observed_waiting = memoryview(queues.observed_waiting)
        self.observed_counted = memoryview(queues.observed_counted)
        self.observed_longest_s = memoryview(queues.observed_longest_s)
        self.observed_agents = memoryview(queues.observed_agents)
        self.needed = memoryview(queues.needed)
        self.held_ms = memoryview(queues.held_ms)
        self.felt_s2 = memoryview(queues.felt_s2)
        self.start = memoryview(pools.start)
        self.other = memoryview(pools.other)
        self.overlap = memoryview(pools.overlap)
        self.pool_agents = memoryview(pools.agents)
        self.weight = memoryview(p.weight)
        self.scale = memoryview(p.scale)
        self.target_wait_s = memoryview(p.target_wait_s)
        self.patience_rate = memoryview(p.patience_rate)
        self.recent_target_s = memoryview(p.recent_target_s)
        self.load_line = memoryview(p.load_line)
        self.goal = memoryview(p.goal)
        self.usual_abandoned = memoryview(p.usual_abandoned)
        self.full_abandoned = memoryview(p.full_abandoned)
        self.within_s = memoryview(p.within_s)
        self.full_repeats = memoryview(p.full_repeats)
        self.full_short = memoryview(p.full_short)
        self.full_surge = memoryview(p.full_surge)
        self.surge = memoryview(queues.surge)
        self.surge_percent = memoryview(queues.surge_percent)
        usual = queues.usual
        self.offset_ms = memoryview(usual.offset_ms)
        self.today_waits_s = memoryview(usual.today_waits_s)
        self.today_capped_s = memoryview(usual.today_capped_s)
        self.today_waits = memoryview(usual.today_waits)
        self.today_contacts = memoryview(usual.today_contacts)
        self.today_repeats = memoryview(usual.today_repeats)
        self.usual_s = memoryview(usual.wait_s)
        self.usual_repeats = memoryview(usual.repeat_share)
        rows: cython.Py_ssize_t = len(queues.t_ms)
        self.seen = memoryview(np.zeros(rows, np.uint32))
        self.moment = 0
        self.goes = memoryview(np.empty(rows, np.uint8))
        self.waiting = memoryview(np.empty(rows))
        self.longest_s = memoryview(np.empty(rows))
        self.rate = memoryview(np.empty(rows))
        self.erlangs = memoryview(np.empty(rows))
        self.kept = memoryview(np.empty(rows))
        self.handle_s = memoryview(np.empty(rows))
        self.level = memoryview(np.empty(_D))
        self.value = memoryview(np.empty(_D))

    @cython.cfunc
    @cython.exceptval(check=False)
    def touch(self, q: cython.Py_ssize_t, at_ms: cython.longlong) -> cython.void:
        """Move a row to `at_ms` for good; one that is already later stays."""
        c: cython.Py_ssize_t
        if at_ms <= self.t_ms[q]:
            return
        hours: cython.double = exp(-(at_ms - self.t_ms[q]) / 1000.0 / _HOURS_S)
        half_hour: cython.double = fourth(hours)
        self.sums[q, _ARRIVALS] *= half_hour * hours * hours
        recent: cython.double = twelfth(hours)
        self.sums[q, _WAIT_SUM] *= recent
        self.sums[q, _WAIT_COUNT] *= recent
        self.felt_s2[q] *= recent
        for c in range(_WITHIN, _HANDLE_SUM):
            self.sums[q, c] *= half_hour
        for c in range(_HANDLE_SUM, _SUMS):
            self.sums[q, c] *= hours
        self.t_ms[q] = at_ms

    @cython.cfunc
    @cython.exceptval(check=False)
    def left(self, q: cython.Py_ssize_t, at_ms: cython.longlong, c: cython.Py_ssize_t) -> cython.double:
        """Part that is left, at the row's clock, of what was added to a sum at `at_ms`."""
        age_s: cython.double = (self.t_ms[q] - at_ms) / 1000.0
        return 1.0 if age_s <= 0.0 else exp(-age_s / _TAU_S[c])

    @cython.cfunc
    @cython.exceptval(check=False)
    def feel(self, q: cython.Py_ssize_t, at_ms: cython.longlong, wait_s: cython.double) -> cython.void:
        """Remember a wait that ended at `at_ms` where it is the longest of the last minutes."""
        most_s: cython.double = max(min(wait_s, _FELT_TIMES * self.recent_target_s[q]), 0.0)
        if most_s * most_s > self.felt_s2[q]:
            age_s: cython.double = max((self.t_ms[q] - at_ms) / 1000.0, 0.0)
            self.felt_s2[q] = max(most_s * most_s * exp(-age_s / _TAU_S[_WAIT_SUM]), self.felt_s2[q])

    @cython.cfunc
    @cython.exceptval(check=False)
    def note_wait(self, q: cython.Py_ssize_t, at_ms: cython.longlong, wait_s: cython.double) -> cython.void:
        """For what is usual: a wait counts at the hour at which the contact joined."""
        self.feel(q, at_ms, wait_s)
        joined_ms: cython.longlong = at_ms - cython.cast(cython.longlong, min(max(wait_s, 0.0), 86_400.0) * 1000.0)
        hour: cython.longlong = max(joined_ms + self.offset_ms[q], 0) // _HOUR_MS % _HOURS
        self.today_waits_s[q, hour] += wait_s
        self.today_capped_s[q, hour] += min(wait_s, _CAP_TIMES * self.usual_s[q] + _CAP_MORE_S)
        self.today_waits[q, hour] += 1.0

    @cython.cfunc
    @cython.exceptval(check=False)
    def begin(self, at_ms: cython.longlong) -> cython.void:
        """A moment: rows are looked at anew, each once, when it is asked for."""
        q: cython.Py_ssize_t
        self.at_ms = at_ms
        self.moment += 1
        if self.moment == 0:  # after four thousand million moments
            for q in range(self.seen.shape[0]):
                self.seen[q] = 0
            self.moment = 1

    @cython.cfunc
    @cython.exceptval(check=False)
    def look(self, q: cython.Py_ssize_t) -> cython.void:
        """Contacts waiting, how long the oldest has waited (s, NaN for none), and the load in Erlangs."""
        if self.seen[q] == self.moment:
            return
        self.seen[q] = self.moment
        observed_ms: cython.longlong = self.observed_ms[q]
        held_ms: cython.longlong = self.held_ms[q]  # of a silent feed, see `holds`
        at_ms: cython.longlong = held_ms if 0 < held_ms < self.at_ms else self.at_ms
        age_ms: cython.longlong = at_ms - observed_ms
        waiting: cython.double = self.counted[q]
        longest_s: cython.double = _NAN
        if self.oldest_ms[q] > 0:
            longest_s = max((at_ms - self.oldest_ms[q]) / 1000.0, 0.0)
        if observed_ms > 0 and age_ms <= _BELIEVED_MS:
            # What came and went since then is counted. So is who waits longest, if the count knew all who waited and
            # nobody who, by the observation, was no longer there.
            waiting = max(self.observed_waiting[q] + self.counted[q] - self.observed_counted[q], 0.0)
            seen_s: cython.double = self.observed_longest_s[q] + max(age_ms / 1000.0, 0.0)
            knows: cython.bint = self.observed_counted[q] >= self.observed_waiting[q]
            if seen_s == seen_s and not (knows and longest_s <= seen_s + _ROUNDED_S):
                longest_s = seen_s
        self.waiting[q] = waiting
        self.longest_s[q] = longest_s if waiting > 0.0 else _NAN
        self.goes[q] = _BELIEVED_MS - 60_000 < age_ms <= _BELIEVED_MS and (
            self.counted[q] > 0 or self.observed_waiting[q] > 0.0
        )
        dt_s: cython.double = max((at_ms - self.t_ms[q]) / 1000.0, 0.0)
        left: cython.double = exp(-dt_s / _HOURS_S)
        self.kept[q] = left
        self.handle_s[q] = (self.sums[q, _HANDLE_SUM] * left + _HANDLE_WORTH * _HANDLE_S) / (
            self.sums[q, _HANDLE_COUNT] * left + _HANDLE_WORTH
        )
        rate: cython.double = self.sums[q, _ARRIVALS] * (fourth(left) * left * left) / _TAU_S[_ARRIVALS]
        age_s: cython.double = max((at_ms - self.first_ms[q]) / 1000.0, _RATE_AGE_MIN_S)
        if age_s < _WARM * _TAU_S[_ARRIVALS]:
            rate /= 1.0 - exp(-age_s / _TAU_S[_ARRIVALS])
        self.rate[q] = rate
        self.erlangs[q] = rate * self.handle_s[q]

    @cython.cfunc
    @cython.exceptval(check=False)
    def pool(self, q: cython.Py_ssize_t) -> cython.void:
        """Waiting, load, handle time and agents over the queues that share agents with a row."""
        e: cython.Py_ssize_t
        self.look(q)
        self.agents = self.pooled_waiting = self.offered = 0.0
        rate: cython.double = 0.0
        self.stale_soon = self.goes[q] != 0
        if q < self.pool_agents.shape[0]:
            self.agents = self.pool_agents[q]
            for e in range(self.start[q], self.start[q + 1]):
                o: cython.Py_ssize_t = self.other[e]
                self.look(o)
                self.pooled_waiting += self.waiting[o] * self.overlap[e]
                self.offered += self.erlangs[o] * self.overlap[e]
                rate += self.rate[o] * self.overlap[e]
                self.stale_soon = self.stale_soon or self.goes[o] != 0
        if self.agents == 0.0:  # nobody is known to serve it: it stands alone
            if self.observed_agents[q] == self.observed_agents[q]:
                self.agents = self.observed_agents[q]
            self.pooled_waiting, self.offered, rate = self.waiting[q], self.erlangs[q], self.rate[q]
        self.pooled_handle_s = (self.offered + _OWN_RATE * self.handle_s[q]) / (rate + _OWN_RATE)
        self.backlog = self.pooled_waiting * self.pooled_handle_s / _BACKLOG_S

    @cython.cfunc
    @cython.exceptval(check=False)
    def predict(self, q: cython.Py_ssize_t) -> cython.void:
        """How long a contact that joins now waits, at least as long as the oldest already does; NaN if none can say."""
        self.rho = self.expected_s = 0.0
        if self.agents > 0.0:
            load: cython.double = self.offered + self.backlog
            self.rho = load / max(self.agents, 1.0)
            self.expected_s = erlang_a_wait_s(load, self.agents, self.pooled_handle_s, self.patience_rate[q])
        self.predicted_s = self.longest_s[q]
        if self.agents > 0.0 and not self.longest_s[q] > self.expected_s:  # also where nobody waits: NaN
            self.predicted_s = self.expected_s

    @cython.cfunc
    @cython.exceptval(check=False)
    def staff(self, q: cython.Py_ssize_t) -> cython.void:
        """Note the agents needed at the moment for a predicted wait within its target; NaN while those there do."""
        self.pool(q)
        self.predict(q)
        self.needed[q] = _NAN
        load: cython.double = self.offered + self.backlog
        within_s: cython.double = self.target_wait_s[q]
        if self.expected_s > within_s:
            self.needed[q] = agents_needed(load, self.agents, self.pooled_handle_s, self.patience_rate[q], within_s)

    @cython.cfunc
    @cython.exceptval(check=False)
    def judge(self, q: cython.Py_ssize_t) -> cython.void:
        """Drivers and strain of a row at the moment, and the bounds within which it stays for a minute."""
        d: cython.Py_ssize_t
        self.pool(q)
        self.predict(q)
        hours_left: cython.double = self.kept[q]
        ended_left: cython.double = fourth(hours_left)
        recent_left: cython.double = twelfth(hours_left)
        waits: cython.double = self.sums[q, _WAIT_COUNT] * recent_left
        waits_s: cython.double = self.sums[q, _WAIT_SUM] * recent_left
        usual_s: cython.double = _WAIT_WORTH * self.usual_s[q]
        self.recent_s = (waits_s + usual_s) / (waits + _WAIT_WORTH)
        self.later_s = (waits_s * _RECENT_KEPT + usual_s) / (waits * _RECENT_KEPT + _WAIT_WORTH)
        goal: cython.double = self.goal[q]
        usual: cython.double = self.usual_abandoned[q]
        ended: cython.double = self.sums[q, _ENDED] * ended_left
        within: cython.double = (self.sums[q, _WITHIN] * ended_left + _LEVEL_WORTH * goal) / (ended + _LEVEL_WORTH)
        left: cython.double = (self.sums[q, _ABANDONED] * ended_left + _LEFT_WORTH * usual) / (ended + _LEFT_WORTH)

        self.value[_PREDICTED_WAIT] = self.predicted_s
        self.value[_OFFERED_LOAD] = 100.0 * self.rho if self.agents > 0.0 else _NAN
        self.value[_RECENT_WAITS] = self.recent_s if waits > _KNOWN else _NAN
        self.value[_SERVICE_LEVEL] = 100.0 * within if ended > _KNOWN else _NAN
        self.value[_ABANDONMENT] = 100.0 * left if ended > _KNOWN else _NAN
        self.level[_PREDICTED_WAIT] = felt(self.longest_s[q], self.target_wait_s[q]) + foreseen(
            beyond(self.expected_s, self.longest_s[q]) / self.target_wait_s[q], _WAIT_FORESEEN
        )
        self.level[_OFFERED_LOAD] = foreseen((self.rho - self.load_line[q]) / (1.0 - self.load_line[q]), _LOAD_FORESEEN)
        self.faded = faded(self.felt_s2[q] * recent_left, self.recent_target_s[q])
        self.level[_RECENT_WAITS] = lately(self.recent_s, self.faded, self.longest_s[q], self.recent_target_s[q])
        self.level[_SERVICE_LEVEL] = clipped((goal - within) / goal)
        self.level[_ABANDONMENT] = clipped((left - usual) / max(self.full_abandoned[q] - usual, 0.01))
        self.value[_REPEAT_SHARE] = self.value[_STAFFING] = _NAN
        self.level[_REPEAT_SHARE] = self.level[_STAFFING] = 0.0
        usual_share: cython.double = self.usual_repeats[q]
        joined: cython.double = self.sums[q, _JOINED] * hours_left
        if usual_share == usual_share and joined >= _SHARE_ENOUGH:
            repeats: cython.double = self.sums[q, _REPEATS] * hours_left + _SHARE_ENOUGH * usual_share
            share: cython.double = repeats / (joined + _SHARE_ENOUGH)
            self.value[_REPEAT_SHARE] = 100.0 * share
            self.level[_REPEAT_SHARE] = clipped((share - usual_share) / self.full_repeats[q])
        if self.expected_s > self.target_wait_s[q]:
            self.value[_STAFFING] = self.needed[q]
            self.level[_STAFFING] = lacking(self.needed[q], self.agents, self.full_short[q])
        self.value[_ARRIVALS_SURGE] = self.surge_percent[q]
        self.level[_ARRIVALS_SURGE] = clipped(self.surge[q] / self.full_surge[q])
        whole: cython.double = 0.0
        for d in range(_D):
            self.level[d] *= self.weight[q, d]
            whole += self.level[d]
        self.whole = whole
        self.strain = 100.0 * (1.0 - exp(-whole / self.scale[q]))

    @cython.cfunc
    @cython.exceptval(check=False)
    def bound(self, q: cython.Py_ssize_t) -> cython.void:
        """Between what the strain of the row that was just judged stays for a minute without an event.

        Load decays, and handle times drift towards what is assumed: Erlang A's wait grows no more than the handle time
        where the load falls, and is computed anew where those who wait could raise it. The oldest contact's wait grows
        by a second each second. Recent waits go towards the usual, all else towards no level.
        """
        if self.stale_soon:  # then the contacts are counted again, also for queues that share its agents
            self.lowest, self.highest = 0.0, 100.0
            return
        line: cython.double = self.load_line[q]
        target_s: cython.double = self.target_wait_s[q]
        least_s: cython.double = min(self.recent_s, self.later_s)
        most_s: cython.double = max(self.recent_s, self.later_s)
        ended_s: cython.double = self.recent_target_s[q]
        low: cython.double = lately(least_s, self.faded * _RECENT_KEPT, self.longest_s[q] + 60.0, ended_s)
        low *= self.weight[q, _RECENT_WAITS]
        high: cython.double = self.weight[q, _RECENT_WAITS] * lately(most_s, self.faded, self.longest_s[q], ended_s)
        ended: cython.double = self.level[_SERVICE_LEVEL] + self.level[_ABANDONMENT]
        low += ended * _ENDED_KEPT + self.level[_ARRIVALS_SURGE]  # that stays until the next whole minute
        high += ended + self.level[_REPEAT_SHARE] + self.level[_ARRIVALS_SURGE]
        load: cython.double = self.offered + self.backlog
        load_high: cython.double = _LOAD_HIGH * self.offered + _HANDLE_HIGH * self.backlog
        handle_high_s: cython.double = _HANDLE_HIGH * self.pooled_handle_s
        expected_high_s: cython.double = _HANDLE_HIGH * self.expected_s
        rho_high: cython.double = self.rho
        if load_high > load and self.agents > 0.0:
            rho_high = load_high / max(self.agents, 1.0)
            expected_high_s = erlang_a_wait_s(load_high, self.agents, handle_high_s, self.patience_rate[q])
        load_weight: cython.double = self.weight[q, _OFFERED_LOAD]
        low += foreseen((_LOAD_LOW * self.rho - line) / (1.0 - line), _LOAD_FORESEEN) * load_weight
        high += foreseen((rho_high - line) / (1.0 - line), _LOAD_FORESEEN) * load_weight
        # Erlang A's own wait may fall steeply with the load.
        low += felt(self.longest_s[q], target_s) * self.weight[q, _PREDICTED_WAIT]
        felt_high: cython.double = felt(self.longest_s[q] + 60.0, target_s)
        foreseen_high: cython.double = foreseen(beyond(expected_high_s, self.longest_s[q]) / target_s, _WAIT_FORESEEN)
        high += (felt_high + foreseen_high) * self.weight[q, _PREDICTED_WAIT]
        if expected_high_s > target_s:
            high += lacking(self.needed[q], self.agents, self.full_short[q]) * self.weight[q, _STAFFING]
        self.lowest = 100.0 * (1.0 - exp(-low / self.scale[q]))
        self.highest = 100.0 * (1.0 - exp(-max(self.whole, high) / self.scale[q]))
