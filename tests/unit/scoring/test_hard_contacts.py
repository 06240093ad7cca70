"""Hard contacts in a row about one issue, and long ones on an issue that is new."""

from __future__ import annotations

from agent_days import ANN, Day
from scoring_logs import T0, hash_of

from services.scoring.core import agent_drivers as ad
from services.scoring.core import wording
from shared.contract import rows as k

# --- the same hard issue again and again


def test_the_third_hard_contact_in_a_row_about_one_issue_is_the_first_that_adds() -> None:
    day, found = Day(), []
    hard, soft = k.COMPLAINT, 0
    told = [("a", hard)] * 4 + [("b", hard)] + [("b", hard), ("b", soft)] + [("b", hard)] * 3
    for i, (issue, flags) in enumerate(told):
        before = day.level(ad.SAME_ISSUE, 300.0 * i + 200)[0] if i else 0.0
        day.contact(300.0 * i, issue=issue, flags=flags)
        added = day.level(ad.SAME_ISSUE, 300.0 * i + 200)[0] - before
        found.append((int(day.agents.hard_run[0]), round(added, 9)))
    assert found == [
        (1, 0), (2, 0), (3, 0.5), (4, 0.5), (1, 0), (2, 0), (0, 0), (1, 0), (2, 0), (3, 0.5)
    ]  # fmt: skip
    assert day.engine._floor.registers.issues.text[day.agents.hard_issue[0]] == "b"
    assert day.value(ad.SAME_ISSUE, 3000) == 3.0


def test_a_repeat_caller_is_a_hard_contact() -> None:
    day = Day()
    day.answered(0)
    day.tell(k.REPEATED, 1, queue="q", contact=hash_of(1), n0=600.0)
    day.handled(200, issue="a")
    assert day.agents.hard_run[0] == 1


def test_a_contact_that_is_long_by_the_own_usual_is_hard() -> None:
    day = Day()
    for i in range(12):
        day.contact(1000.0 * i, 200.0, "a")
    assert day.agents.hard_run[0] == 0
    day.contact(12_000, 700.0, "a")
    assert day.agents.hard_run[0] == 1


def test_a_contact_without_an_issue_ends_the_run_but_is_counted_as_hard() -> None:
    day = Day()
    for i, issue in enumerate(("a", "a", None)):
        day.contact(300.0 * i, issue=issue, flags=k.ABUSIVE)
    assert (day.agents.hard_run[0], day.agents.hard_issue[0]) == (0, -1)
    assert day.agents.hard_contacts(ANN, T0 + 800_000)[0][0] > 2.5  # of three


# --- a new issue takes long


def long_on(issue: str, before: list[tuple[str, float]], times: int = 2) -> Day:
    day = Day()
    for i, (known, handle_s) in enumerate(before):
        day.contact(1500.0 * i, handle_s, known)
    for i in range(times):
        day.contact(1500.0 * (len(before) + i), 700.0, issue)
    return day


USUAL = [("a", 200.0), ("b", 210.0)] * 8


def test_long_contacts_on_an_issue_that_is_new_to_the_agent_call_for_a_briefing() -> None:
    day = long_on("new", USUAL)
    assert day.level(ad.HANDLE_TIME, 1500.0 * 18)[0] > 0.0
    assert day.agents.long_on_new_issue(0)
    assert wording.agent_action("handle_time", new_issue=True) == "team.briefing"
    assert wording.agent_action("complaints", new_issue=True) == "agent.talk"


def test_one_long_contact_or_an_issue_known_well_or_two_issues_do_not() -> None:
    assert not long_on("new", USUAL, times=1).agents.long_on_new_issue(0)
    assert not long_on("a", [("a", 200.0)] * 25).agents.long_on_new_issue(0)
    day = long_on("new", USUAL)
    day.contact(1500.0 * 30, 900.0, "newer")
    assert not day.agents.long_on_new_issue(0)


def test_in_the_first_contacts_of_an_agent_nothing_is_new() -> None:
    assert not long_on("new", USUAL[:8]).agents.long_on_new_issue(0)


def test_what_came_up_in_the_tenant_this_week_is_new_to_everybody() -> None:
    day_s = 86_400.0
    day = Day()
    for i in range(3):
        day.contact(1000.0 * i, 200.0, "old")
    for i in range(25):
        day.contact(2 * day_s + 1000.0 * i, 200.0, "fresh")
    for s in (3 * day_s, 3 * day_s + 1500.0):
        day.contact(s, 700.0, "fresh")
    assert day.agents.long_on_new_issue(0)
    for i in range(2):
        day.contact(10 * day_s + 1500.0 * i, 700.0, "fresh")
    assert not day.agents.long_on_new_issue(0)
