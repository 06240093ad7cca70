"""UUIDs as 16 bytes. Only the canonical form counts: lower case, with dashes, so that printing gives the same text."""

from __future__ import annotations

from binascii import hexlify, unhexlify
from collections.abc import Sequence


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


def uuid_bytes(texts: Sequence[str]) -> bytes | None:
    """16 bytes each, if all texts, at least one, are canonical UUIDs; else None."""
    # All at once: with the dashes and line ends in place, and the digits equal to what printing the bytes gives,
    # every text is a canonical UUID.
    n = len(texts)
    text = "\n".join(texts)
    if (
        len(text) == 37 * n - 1
        and text[8::37] == text[13::37] == text[18::37] == text[23::37] == "-" * n
        and text[36::37] == "\n" * (n - 1)
    ):
        digits = text.encode(errors="replace").translate(None, b"-\n")
        try:
            raw = unhexlify(digits)
        except ValueError:
            return None
        if len(raw) == 16 * n and hexlify(raw) == digits:
            return raw
    return None
