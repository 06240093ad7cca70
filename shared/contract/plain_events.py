"""Good events of a request that were never made into objects. Compiled at install."""

from __future__ import annotations

import cython

CELLS = 16
"""Of an event: see `plain_fields.PLACE_OF`; the last is free. Texts are (start in the body) << 32 | (length)."""
BYTES_PER_EVENT_MAX = 1024
"""A body is kept until its events are encoded, and must not fill the memory with what stands around them."""


@cython.final
@cython.cclass
class PlainEvents:
    """Events of a body, judged good, with their times in ms: what each says, as places in the body and as numbers."""

    def __init__(self, body: bytes, ts_ms: list[int], kinds: bytes, raw: bytearray) -> None:
        self.body = body
        self.ts_ms = ts_ms
        self.kinds = kinds
        self.cells = memoryview(raw).cast("Q")

    def __len__(self) -> int:
        return len(self.kinds)
