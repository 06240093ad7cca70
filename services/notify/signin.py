"""Who am I, and where do I sign in."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request, Response

from services.notify.core.verbs import VERBS
from services.notify.door import Door
from services.notify.problems import ProblemRoute
from services.notify.requests import answer
from services.notify.schemas import PROBLEMS, json_content
from shared.contract.frames import Role
from shared.contract.own import Me, Oidc, SignInWays

LEADS = ["board", "alerts", "history", "rules", "report", *VERBS, "supported"]
MAY: dict[Role, list[str]] = {
    "agent": ["own", "check_in"],
    "lead": LEADS,
    "supervisor": [*LEADS, "audit"],
    "admin": [*LEADS, "audit"],
}
"""What each role may do. A page offers by this list; what is let through is decided by `Door` at each request."""


def routes(door: Door, oidc: Oidc | None, zone_of: Callable[[str], str | None]) -> APIRouter:
    """`/v1/me` and `/v1/signin`."""
    router = APIRouter(prefix="/v1", route_class=ProblemRoute, tags=["everybody"])

    @router.get("/me", summary="Who the token says you are", responses={200: json_content(Me), **PROBLEMS})
    async def me(request: Request) -> Response:
        """And what may therefore be offered to you."""
        claims = door.signed_in(request)
        may = [what for what in MAY[claims.role] if claims.agent or what not in MAY["agent"]]
        return answer(
            Me(
                sub=claims.sub,
                tenant=claims.tenant,
                teams=sorted(claims.teams),
                role=claims.role,
                agent=claims.agent,
                zone=zone_of(claims.tenant),
                may=may,
            )
        )

    @router.get("/signin", summary="Where to sign in", responses={200: json_content(SignInWays)})
    async def signin() -> Response:
        """For everybody, without a token: the issuer that a page may send people to; null when there is none."""
        return answer(SignInWays(oidc))

    return router
