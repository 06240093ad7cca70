"""What a signed-in person reads of the own: `GET /v1/me`, `GET /v1/agents/me`, `GET /v1/signin`, and what is sent."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from shared.contract.frames import Role
from shared.contract.signals import DriverShare


class Me(Struct, kw_only=True):
    """`GET /v1/me`: who the token says one is, and what a page may therefore offer."""

    sub: str
    tenant: str
    teams: list[str]
    role: Role
    agent: str | None
    """The own agent's name in the ACD."""
    zone: str | None
    """IANA name of the tenant's time zone, where the settings say one."""
    may: list[str]
    """The verbs on alerts, `supported`, `check_in`, and what may be read: `board`, `alerts`, `history`, `rules`,
    `report`, `audit`, `own`."""


class Stored(Struct):
    """One thing that is kept about an agent, and for how long."""

    what: str
    what_zh: str
    for_s: int | None
    """Null: until newer ones take its place."""


class OwnAgent(Struct, kw_only=True):
    """`GET /v1/agents/me`: an agent's own row and nobody else's. `strain` is null until something is known."""

    id: str
    team: str | None
    strain: float | None
    drivers: list[DriverShare]
    state: str | None
    break_min: int | None
    """Minutes of break until the strain is below the line; null while it is not above it."""
    at: str
    data_age_s: float | None
    stored: list[Stored]
    check_in_at: str | None
    """When the last check-in was sent, if within a day."""


class CheckIn(Struct):
    """`POST /v1/agents/me/check-in`: 1 light to 5 heavy."""

    load: Annotated[int, Meta(ge=1, le=5)]


class AgentAnswer(Struct):
    """What `supported` and `check-in` answer."""

    agent: str


class Oidc(Struct):
    """Where the page signs in: authorization code with PKCE at this issuer."""

    issuer: str
    client_id: str
    scope: str


class SignInWays(Struct):
    """`GET /v1/signin`, for everybody: null when there are only tokens."""

    oidc: Oidc | None
