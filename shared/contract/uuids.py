"""UUIDs as 16 bytes. Only the canonical form counts: lower case, with dashes, so that printing gives the same text."""

from __future__ import annotations

from binascii import unhexlify


def uuid_of(text: str) -> bytes | None:
    """16 bytes, or None for what is no canonical UUID."""
    if len(text) == 36 and text[8] == text[13] == text[18] == text[23] == "-":
        digits = text.replace("-", "")
        try:
            raw = unhexlify(digits)
        except ValueError:
            return None
        if len(raw) == 16 and raw.hex() == digits:
            return raw
    return None
