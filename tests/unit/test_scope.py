"""Who sees what."""

import pytest

from services.notify.core.origin import origin_allowed
from services.notify.core.scope import Scope

LEAD_A = Scope.of("acme", ["team-a"], "lead")
LEAD_AB = Scope.of("acme", ["team-a", "team-b"], "lead")
SUPERVISOR = Scope.of("acme", ["*"], "supervisor")


@pytest.mark.parametrize(
    ("scope", "team", "subject", "seen"),
    [
        (LEAD_A, "team-a", "agent", True),
        (LEAD_A, "team-b", "agent", False),
        (LEAD_A, "team-a", "queue", True),
        (LEAD_A, "team-b", "queue", False),
        (LEAD_A, "team-b", "team", False),
        (LEAD_AB, "team-b", "agent", True),
        (SUPERVISOR, "team-b", "agent", True),
        # nobody's team: the floor's things concern every lead, an agent only those who see everybody
        (LEAD_A, None, "queue", True),
        (LEAD_A, None, "issue", True),
        (LEAD_A, None, "tenant", True),
        (LEAD_A, None, "agent", False),
        (LEAD_A, None, "team", False),
        (SUPERVISOR, None, "agent", True),
        (Scope.of("acme", [], "lead"), None, "queue", True),
        (Scope.of("acme", [], "lead"), "team-a", "queue", False),
    ],
)
def test_a_lead_sees_the_own_teams_and_what_concerns_the_floor(
    scope: Scope, team: str | None, subject: str, seen: bool
) -> None:
    assert scope.sees(team, subject) is seen


def test_an_agent_has_no_board() -> None:
    assert not Scope.of("acme", ["*"], "agent").may_lead
    assert all(Scope.of("acme", ["*"], role).may_lead for role in ("lead", "supervisor", "admin"))


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1:8080", True),
        ("https://leads.example", "leads.example", True),
        ("https://leads.example", "leads.example:443", True),
        ("https://LEADS.example", "leads.example", True),
        ("https://leads.example", "leads.example:8443", False),
        ("https://other.example", "leads.example", False),
        ("https://leads.example.evil.example", "leads.example", False),
        ("https://wall.example", "leads.example", True),  # on the list
        ("null", "leads.example", False),
        ("file://leads.example", "leads.example", False),
        ("https://leads.example:port", "leads.example", False),
        ("http://[", "leads.example", False),
        ("", "", False),
    ],
)
def test_a_page_may_open_the_feed_of_its_own_host_or_when_listed(origin: str, host: str, allowed: bool) -> None:
    assert origin_allowed(origin, host, ["https://wall.example"]) is allowed
