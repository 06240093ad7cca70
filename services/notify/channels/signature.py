"""Standard Webhooks: how a receiver knows that a message is ours, and that it is not an old one.

`webhook-id` is the idempotency key, `webhook-timestamp` the seconds at this try, `webhook-signature` one `v1,<base64>`
for each secret in force: HMAC-SHA256 over `id.timestamp.body`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

PREFIX = "whsec_"
SECRET_BYTES = (24, 64)
"""As the specification has it."""


def new_secret() -> str:
    """A secret for a webhook."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def secret_fault(secret: str) -> str | None:
    """What is wrong with a secret, without repeating it."""
    if not secret.startswith(PREFIX):
        return f"must begin with {PREFIX} and go on in base64; make one with `strainwatch channels secret`"
    try:
        size = len(_key(secret))
    except binascii.Error:
        return f"is not base64 after {PREFIX}; make one with `strainwatch channels secret`"
    low, high = SECRET_BYTES
    return None if low <= size <= high else f"stands for {size} bytes; it must be {low} to {high}"


def signed_headers(secrets: tuple[str, ...], id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """The three headers; a signature for each secret, so that old and new receivers agree while a secret is changed."""
    content = f"{id}.{timestamp_s}.".encode() + body
    signatures = [base64.b64encode(hmac.digest(_key(secret), content, hashlib.sha256)).decode() for secret in secrets]
    return {
        "webhook-id": id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
