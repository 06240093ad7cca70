"""The token of the demo's team lead."""

from __future__ import annotations

import time

from shared.access import mint

TENANT = "demo"
SUBJECT = "demo-lead"
TOKEN_S = 30 * 86_400  # a demo that somebody opens again next week still works; the secret is this folder's own


def demo_token(jwt_secret: bytes) -> str:
    """A token of the demo's team lead, who sees all teams."""
    now_s = int(time.time())
    return mint(
        jwt_secret, tenant=TENANT, teams=["*"], role="supervisor", sub=SUBJECT, exp_s=now_s + TOKEN_S, iat_s=now_s
    )
