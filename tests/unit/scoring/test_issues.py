"""Root causes: shares of the excess, repeats both ways, and costs."""

from __future__ import annotations

import random
from collections import defaultdict

import numpy as np
import pytest

from services.scoring.core.issue_rows import BIN_MS, BINS, DAYS
from services.scoring.core.issues import Cause, Issues

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
NOW_MS = 20_000 * DAY_MS + 10 * HOUR_MS


def table(n: int) -> Issues:
    issues = Issues()
    issues.follow(n, [])
    return issues


def expect_for(issues: Issues, rows: list[int], minutes: range, each: list[float]) -> None:
    for minute in minutes:
        issues.expect(np.array(rows), NOW_MS + minute * 60_000, np.array(each))


def causes(issues: Issues, rows: list[int], minutes: int = 20) -> list[Cause]:
    return issues.causes(np.array(rows), NOW_MS, NOW_MS + minutes * 60_000 - 1)


def test_an_issue_explains_its_part_of_the_excess() -> None:
    issues = table(3)
    expect_for(issues, [0, 1, 2], range(20), [1.0, 2.0, 1.0])
    issues.note_contact(0, NOW_MS, 80)  # 20 expected: 60 too many
    issues.note_contact(1, NOW_MS + 60_000, 60)  # 40 expected: 20 too many
    issues.note_contact(2, NOW_MS, 10)  # 20 expected: too few explain nothing, and take nothing away
    found = causes(issues, [0, 1, 2])
    assert [cause.row for cause in found] == [0, 1, 2]
    assert [cause.share for cause in found] == pytest.approx([0.75, 0.25, -0.125])
    assert (found[0].observed, found[0].expected) == pytest.approx((80.0, 20.0))


def test_without_an_excess_nobody_is_the_cause() -> None:
    issues = table(2)
    expect_for(issues, [0, 1], range(20), [1.0, 1.0])
    issues.note_contact(0, NOW_MS, 15)
    assert [cause.share for cause in causes(issues, [0, 1])] == [0.0, 0.0]


def test_an_issue_never_heard_of_explains_all_of_its_contacts() -> None:
    issues = table(2)
    expect_for(issues, [0], range(20), [1.0])
    issues.note_contact(0, NOW_MS, 20)
    issues.note_contact(1, NOW_MS, 30)
    assert [(cause.row, cause.share) for cause in causes(issues, [0, 1])] == [(1, 1.0), (0, 0.0)]


def test_where_shares_are_equal_the_dearer_one_comes_first() -> None:
    issues = table(2)
    for row in (0, 1):
        issues.note_contact(row, NOW_MS, 10)
    issues.note_cost(0, NOW_MS, queue_strain=20.0, handle_s=300.0)
    issues.note_cost(1, NOW_MS, queue_strain=80.0, handle_s=300.0)
    assert [(cause.row, cause.strain_minutes) for cause in causes(issues, [0, 1])] == [(1, 400.0), (0, 100.0)]


def test_a_window_ends_where_it_ends_and_what_is_older_than_four_hours_is_forgotten() -> None:
    issues = table(1)
    issues.note_contact(0, NOW_MS, 5)
    issues.note_contact(0, NOW_MS + BINS * BIN_MS, 7)  # the same slot, four hours later
    issues.note_contact(0, NOW_MS, 11)  # too old for any window
    found = issues.causes(np.array([0]), NOW_MS, NOW_MS + BINS * BIN_MS)
    assert found[0].observed == 7.0
    assert issues.contacts[0].sum() == 23.0


def test_repeat_rates_are_those_of_a_plain_list_of_contacts() -> None:
    """Callers come again after some days; backward counts the repeats, forward those that were followed by one."""
    chance = random.Random(5)
    issues = table(1)
    last: dict[int, int] = {}
    contacts: list[int] = []
    repeats: list[int] = []
    followed: dict[int, bool] = defaultdict(bool)
    times = sorted(NOW_MS - chance.randrange(20 * DAY_MS) for _ in range(3_000))
    for at_ms in times:
        caller = chance.randrange(1_500)
        issues.note_contact(0, at_ms)
        if caller in last and at_ms - last[caller] <= 7 * DAY_MS:
            issues.note_repeat(0, at_ms, (at_ms - last[caller]) / 1000)
            repeats.append(at_ms)
            followed[last[caller]] = True
        last[caller] = at_ms
        contacts.append(at_ms)
    today = NOW_MS // DAY_MS
    week = [at for at in contacts if today - 6 <= at // DAY_MS <= today]
    matured = [at for at in contacts if today - 14 <= at // DAY_MS <= today - 8]
    assert issues.backward_repeat_rate(0, NOW_MS) == pytest.approx(
        sum(at // DAY_MS >= today - 6 for at in repeats) / len(week)
    )
    assert issues.forward_repeat_rate(0, NOW_MS) == pytest.approx(sum(followed[at] for at in matured) / len(matured))


def test_a_contact_that_follows_after_more_than_seven_days_is_no_repeat() -> None:
    issues = table(1)
    issues.note_contact(0, NOW_MS)
    issues.note_repeat(0, NOW_MS, 8 * 86_400.0)
    assert issues.backward_repeat_rate(0, NOW_MS) == 0.0


def test_rates_without_contacts_are_not_zero_but_unknown() -> None:
    issues = table(1)
    issues.note_contact(0, NOW_MS - 3 * DAY_MS)
    assert issues.backward_repeat_rate(0, NOW_MS) == 0.0
    assert issues.forward_repeat_rate(0, NOW_MS) is None
    assert issues.backward_repeat_rate(0, NOW_MS + DAYS * DAY_MS) is None


def test_the_repeat_share_of_a_window_is_live() -> None:
    issues = table(1)
    issues.note_contact(0, NOW_MS, 8)
    issues.note_repeat(0, NOW_MS, 600.0)
    issues.note_repeat(0, NOW_MS, 700.0)
    assert causes(issues, [0])[0].repeat_share == 0.25


def test_a_dropped_stream_leaves_nothing_behind_and_a_checkpoint_everything() -> None:
    issues = table(2)
    for row in (0, 1):
        issues.note_contact(row, NOW_MS, 4)
    issues.follow(3, [0])
    copy = Issues()
    copy.unpack(issues.pack())
    assert causes(copy, [0, 1, 2]) == causes(issues, [0, 1, 2])
    assert [(cause.row, cause.observed) for cause in causes(copy, [0, 1, 2])] == [(1, 4.0), (0, 0.0), (2, 0.0)]
