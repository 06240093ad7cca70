"""One stream at a time: its usual rate by hour of the week, its noise, and what an hour teaches; see arrivals.py."""

from __future__ import annotations

from typing import Any

import cython
from cython.cimports.libc.math import fabs, sqrt

HOURS = 168
MEMORY_HOURS = 8.0
"""A cell remembers about eight weeks: enough for a mean, short enough for a season. Product choice."""
ENOUGH_HOURS = 3.0
"""Silent below three days of the same hour and kind of day: two cannot say what is usual. Product choice."""
FLOOR = 0.02
"""Contacts a minute that are expected at least: a lone contact in the night is no surge. Product choice."""
MINUTES_ENOUGH = 45
"""Of an hour, to learn from it: less says too little of the whole."""
ABNORMAL_Z = 4.0
"""Hours further from their usual teach nothing: 1 hour of 16,000 by chance, so a stream loses half an hour a year."""
WINSOR_Z = 2.5
"""Others teach at most this distance: one odd Monday moves its cell by little."""
LASTING_DAYS = 3
"""Working days that a deviation lasts until it is the usual. Product choice."""
# How far cells lie from what they are shrunk to, squared, relative: weekdays among themselves 15 %, weekdays and
# weekend 50 %, hours of a day 100 %. Product choices; busy streams overrule them within a week.
_BETWEEN_DAYS = cython.declare(cython.double, 0.0225)
_BETWEEN_KINDS = cython.declare(cython.double, 0.25)
_BETWEEN_HOURS = cython.declare(cython.double, 1.0)
# What is assumed of the noise, and how much that is worth (contacts; busy hours). Product choices.
_PHI = cython.declare(cython.double, 1.3)
_PHI_WORTH = cython.declare(cython.double, 100.0)
_CV2 = cython.declare(cython.double, 0.0025)
_CV2_WORTH = cython.declare(cython.double, 24.0)
_KEPT = cython.declare(cython.double, 1.0 - 1.0 / 500.0)
"""Of what is known of the noise, an hour: three weeks."""
_HALF_WORTH = cython.declare(cython.double, 2.0)
_SAME_WAY = cython.declare(cython.double, 0.5)
"""Part of a day's expected contacts in hours abnormal the same way that makes the day abnormal."""
_WORKING = cython.declare(cython.double, 0.5)
"""A working day: half of the mean day's contacts are expected."""

_HOURS = cython.declare(cython.Py_ssize_t, HOURS)
_MEMORY = cython.declare(cython.double, MEMORY_HOURS)
_ENOUGH = cython.declare(cython.double, ENOUGH_HOURS)
_FLOOR = cython.declare(cython.double, FLOOR)
_MINUTES_ENOUGH = cython.declare(cython.longlong, MINUTES_ENOUGH)
_ABNORMAL_Z = cython.declare(cython.double, ABNORMAL_Z)
_WINSOR_Z = cython.declare(cython.double, WINSOR_Z)
_LASTING = cython.declare(cython.longlong, LASTING_DAYS)


@cython.final
@cython.cclass
class ArrivalRows:
    """The columns, bound once."""

    def __init__(self, streams: Any) -> None:
        self.version = streams.version
        self.key = memoryview(streams.key)
        self.offset_ms = memoryview(streams.offset_ms)
        self.used = memoryview(streams.used)
        self.count = memoryview(streams.count)
        self.closed = memoryview(streams.closed)
        self.expected = memoryview(streams.expected)
        self.ready = memoryview(streams.ready)
        self.phi = memoryview(streams.phi)
        self.cv2 = memoryview(streams.cv2)
        self.hour = memoryview(streams.hour)
        self.hour_count = memoryview(streams.hour_count)
        self.hour_second = memoryview(streams.hour_second)
        self.hour_minutes = memoryview(streams.hour_minutes)
        self.hour_flagged = memoryview(streams.hour_flagged)
        self.hour_steps = memoryview(streams.hour_steps)
        self.usual = memoryview(streams.usual)
        self.halves = memoryview(streams.halves)
        self.rate = memoryview(streams.rate)
        self.worth = memoryview(streams.worth)
        self.second = memoryview(streams.second)
        self.second_worth = memoryview(streams.second_worth)
        self.noise = memoryview(streams.noise)
        self.day = memoryview(streams.day)
        self.run = memoryview(streams.run)
        self.settled = memoryview(streams.settled)

    @cython.cfunc
    @cython.exceptval(check=False)
    def note(
        self,
        rows: cython.const[cython.longlong][::1],
        at_ms: cython.const[cython.longlong][::1],
        counts: cython.const[cython.longlong][::1],
        open_minute: cython.longlong,
    ) -> cython.longlong:
        i: cython.Py_ssize_t
        too_late: cython.longlong = 0
        for i in range(rows.shape[0]):
            too_late += self.note_one(rows[i], at_ms[i], counts[i], open_minute)
        return too_late

    @cython.cfunc
    @cython.exceptval(check=False)
    def note_one(
        self, r: cython.Py_ssize_t, at_ms: cython.longlong, count: cython.longlong, open_minute: cython.longlong
    ) -> cython.longlong:
        """Contacts at a moment; how many of them were too late for anything."""
        if at_ms // 60_000 >= open_minute:
            self.count[r] += count
            self.used[r] = open_minute
        elif self.hour[r] < 0 or (at_ms + self.offset_ms[r]) // 3_600_000 != self.hour[r]:
            return count
        else:
            self.hour_count[r] += count
            if (at_ms + self.offset_ms[r]) // 1_800_000 % 2 == 1:
                self.hour_second[r] += count
        return 0

    @cython.cfunc
    @cython.exceptval(check=False)
    def close(self, r: cython.Py_ssize_t, minute: cython.longlong, seen: cython.bint) -> cython.void:
        """Close a minute: the hour before is learnt when this one begins another."""
        local_minute: cython.longlong = (
            minute + self.offset_ms[r] // 60_000
            if self.offset_ms[r] >= 0
            else (minute - (-self.offset_ms[r]) // 60_000)
        )
        hour: cython.longlong = local_minute // 60
        at: cython.longlong = local_minute % 60
        if hour != self.hour[r]:
            self.turn(r, hour)
        x: cython.double = self.count[r]
        self.hour_count[r] += x
        if at >= 30:
            self.hour_second[r] += x
        self.expected[r] = max(self.expect(r, at), _FLOOR)
        if seen:
            self.hour_minutes[r] += 1
            if self.closed[r] >= 0:
                d: cython.double = x - self.closed[r]
                top: cython.double = 5.0 * sqrt(self.phi[r] * self.expected[r]) + 6.0 * self.phi[r]
                self.hour_steps[r, 0] += 0.5 * min(d * d, top * top)
                self.hour_steps[r, 1] += 0.5 * (x + self.closed[r])
            self.closed[r] = self.count[r]
        else:
            self.closed[r] = -1
        self.count[r] = 0

    @cython.cfunc
    @cython.exceptval(check=False)
    def expect(self, r: cython.Py_ssize_t, at: cython.longlong) -> cython.double:
        """Usual contacts in a minute of the hour: the half hour's rate, or where it is higher the line between the
        middles of half hours: whether a rise is a step (opening) or a slope, it is no surge.
        """
        half: cython.Py_ssize_t = 1 if at < 30 else 2
        step: cython.double = self.halves[r, half]
        middle: cython.double = (at % 30 + 0.5) / 30.0 - 0.5
        other: cython.double = self.halves[r, half + 1] if middle >= 0.0 else self.halves[r, half - 1]
        return max(step, step + fabs(middle) * (other - step))

    @cython.cfunc
    @cython.exceptval(check=False)
    def look(self, r: cython.Py_ssize_t, how: cython.Py_ssize_t) -> cython.bint:
        """The usual rate of an hour of the week into `rate_now` and `unsure`; false when too little is known."""
        h: cython.Py_ssize_t
        d: cython.Py_ssize_t
        n: cython.double
        day: cython.Py_ssize_t = how // 24
        all_sum: cython.double = 0.0
        all_n: cython.double = 0.0
        hour_sum: cython.double = 0.0
        hour_n: cython.double = 0.0
        kind_sum: cython.double = 0.0
        kind_n: cython.double = 0.0
        for h in range(_HOURS):
            n = self.worth[r, h]  # a double: the product of two floats would be rounded
            all_sum += self.rate[r, h] * n
            all_n += n
        for d in range(7):
            h = d * 24 + how % 24
            n = self.worth[r, h]
            hour_sum += self.rate[r, h] * n
            hour_n += n
            if (d >= 5) == (day >= 5):
                kind_sum += self.rate[r, h] * n
                kind_n += n
        whole: cython.double = all_sum / all_n if all_n > 0.0 else 0.0
        noise: cython.double = self.own_noise(r, whole)
        worth: cython.double = noise / _BETWEEN_HOURS
        by_hour: cython.double = (hour_sum + worth * whole) / (hour_n + worth)
        noise = self.own_noise(r, by_hour)
        worth = noise / _BETWEEN_KINDS
        by_kind: cython.double = (kind_sum + worth * by_hour) / (kind_n + worth)
        unsure_kind: cython.double = noise / (kind_n + worth)
        noise = self.own_noise(r, by_kind)
        worth = noise / _BETWEEN_DAYS
        n = self.worth[r, how]
        self.rate_now = (n * self.rate[r, how] + worth * by_kind) / (n + worth)
        lent: cython.double = worth / (n + worth)
        self.unsure = noise / (n + worth) + lent * lent * unsure_kind
        return kind_n >= _ENOUGH

    @cython.cfunc
    @cython.exceptval(check=False)
    def own_noise(self, r: cython.Py_ssize_t, rate: cython.double) -> cython.double:
        """Relative variance of one hour's count about its mean."""
        return self.phi[r] / (60.0 * max(rate, _FLOOR)) + self.hourly(r)

    @cython.cfunc
    @cython.exceptval(check=False)
    def hourly(self, r: cython.Py_ssize_t) -> cython.double:
        """Squared coefficient of variation of whole hours, beyond `phi`."""
        return max((self.noise[r, 2] + _CV2_WORTH * _CV2) / (self.noise[r, 3] + _CV2_WORTH), 0.0)

    @cython.cfunc
    @cython.exceptval(check=False)
    def learn(self, r: cython.Py_ssize_t, how: cython.Py_ssize_t, rate: cython.double) -> cython.void:
        n: cython.double = min(self.worth[r, how] + 1.0, _MEMORY)
        self.rate[r, how] += (rate - self.rate[r, how]) / n
        self.worth[r, how] = n

    @cython.cfunc
    @cython.exceptval(check=False)
    def judge_hour(
        self,
        r: cython.Py_ssize_t,
        how: cython.Py_ssize_t,
        usual: cython.double,
        count: cython.double,
        minutes: cython.double,
    ) -> cython.bint:
        """Learn an hour against its usual (the cell must have been looked at); false when it was abnormal."""
        e: cython.double = max(usual, _FLOOR) * minutes
        hourly: cython.double = self.hourly(r)
        variance: cython.double = self.phi[r] * e + (hourly + self.unsure) * e * e
        d: cython.double = count - e
        if d * d > _ABNORMAL_Z * _ABNORMAL_Z * variance:
            return False
        most: cython.double = _WINSOR_Z * sqrt(variance)
        d = min(max(d, -most), most)
        self.learn(r, how, (e + d) / minutes)
        # Hours are worth what they say: in few contacts the noise from minute to minute drowns that of the hour.
        worth: cython.double = _CV2 / (self.phi[r] / e + _CV2)
        worth *= worth
        self.noise[r, 2] = self.noise[r, 2] * _KEPT + worth * (d * d - self.phi[r] * e) / (e * e)
        self.noise[r, 3] = self.noise[r, 3] * _KEPT + worth
        return True

    @cython.cfunc
    @cython.exceptval(check=False)
    def turn(self, r: cython.Py_ssize_t, hour: cython.longlong) -> cython.void:
        """End the hour that was, and begin another."""
        was: cython.longlong = self.hour[r]
        if was >= 0:
            self.end_hour(r, (was + 72) % _HOURS)
            if was // 24 != hour // 24:
                self.end_day(r)
        how: cython.Py_ssize_t = (hour + 72) % _HOURS  # the epoch was a Thursday
        before: cython.Py_ssize_t = (how + _HOURS - 1) % _HOURS
        after: cython.Py_ssize_t = (how + 1) % _HOURS
        self.look(r, before)
        self.halves[r, 0] = 2.0 * self.rate_now * self.second_share(r, before)
        self.look(r, after)
        self.halves[r, 3] = 2.0 * self.rate_now * (1.0 - self.second_share(r, after))
        self.ready[r] = self.look(r, how)
        share: cython.double = self.second_share(r, how)
        self.usual[r] = self.rate_now
        self.halves[r, 1] = 2.0 * self.rate_now * (1.0 - share)
        self.halves[r, 2] = 2.0 * self.rate_now * share
        self.cv2[r] = self.hourly(r) + self.unsure
        self.hour[r] = hour
        self.hour_count[r] = self.hour_second[r] = self.hour_steps[r, 0] = self.hour_steps[r, 1] = 0.0
        self.hour_minutes[r] = self.hour_flagged[r] = 0

    @cython.cfunc
    @cython.exceptval(check=False)
    def second_share(self, r: cython.Py_ssize_t, how: cython.Py_ssize_t) -> cython.double:
        """Part of the hour's contacts that comes in its second half."""
        return self.second[r, how % 24 + (24 if how >= 120 else 0)]

    @cython.cfunc
    @cython.exceptval(check=False)
    def end_hour(self, r: cython.Py_ssize_t, how: cython.Py_ssize_t) -> cython.void:
        """Learn the hour, unless it was abnormal or mostly unseen."""
        minutes: cython.double = self.hour_minutes[r]
        if self.hour_minutes[r] < _MINUTES_ENOUGH:
            return
        count: cython.double = self.hour_count[r]
        ready: cython.bint = self.look(r, how)
        usual: cython.double = self.rate_now
        e: cython.double = usual * minutes
        if not ready:
            self.learn(r, how, count / minutes)
        else:
            normal: cython.bint = self.hour_flagged[r] == 0 and self.judge_hour(r, how, usual, count, minutes)
            self.day[r, 0] += count
            self.day[r, 1] += e
            if not normal:
                self.day[r, 2 if count > e else 3] += e
                return
        cell: cython.Py_ssize_t = how % 24 + (24 if how >= 120 else 0)
        known: cython.double = min(self.second_worth[r, cell], 600.0)
        worth: cython.double = known + _HALF_WORTH * self.phi[r] if known == 0.0 else known
        self.second[r, cell] = (worth * self.second[r, cell] + self.hour_second[r]) / (worth + count)
        self.second_worth[r, cell] = worth + count
        self.noise[r, 0] = self.noise[r, 0] * _KEPT + self.hour_steps[r, 0]
        self.noise[r, 1] = self.noise[r, 1] * _KEPT + self.hour_steps[r, 1]
        self.phi[r] = max((self.noise[r, 0] + _PHI_WORTH * _PHI) / (self.noise[r, 1] + _PHI_WORTH), 1.0)

    @cython.cfunc
    @cython.exceptval(check=False)
    def end_day(self, r: cython.Py_ssize_t) -> cython.void:
        """Count working days abnormal the same way; when enough came in a row, that is the usual."""
        h: cython.Py_ssize_t
        mean_day: cython.double = 0.0
        for h in range(_HOURS):
            mean_day += self.rate[r, h] * 60.0 / 7.0
        e: cython.double = self.day[r, 1]
        if e > 0.0 and e >= _WORKING * mean_day:
            way: cython.double = 0.0
            if self.day[r, 2] >= _SAME_WAY * e:
                way = 1.0
            elif self.day[r, 3] >= _SAME_WAY * e:
                way = -1.0
            if way == 0.0 or way != self.run[r, 1]:
                self.run[r, 0] = self.run[r, 2] = self.run[r, 3] = 0.0
            self.run[r, 1] = way
            if way != 0.0:
                self.run[r, 0] += 1.0
                self.run[r, 2] += self.day[r, 0]
                self.run[r, 3] += e
            if self.run[r, 0] >= _LASTING:
                ratio: cython.double = self.run[r, 2] / self.run[r, 3]
                for h in range(_HOURS):
                    self.rate[r, h] *= ratio
                    self.worth[r, h] = min(self.worth[r, h], 1.0)
                self.settled[r] = ratio if ratio > 0.0 else _FLOOR
                self.run[r, 0] = self.run[r, 1] = self.run[r, 2] = self.run[r, 3] = 0.0
        self.day[r, 0] = self.day[r, 1] = self.day[r, 2] = self.day[r, 3] = 0.0
