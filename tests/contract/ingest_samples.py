"""Events for the tests of ingest."""

from __future__ import annotations

from typing import Any

NOW_MS = 1_772_442_847_000  # 2026-03-02T09:14:07Z
Sample = dict[str, Any]
OBSERVED: Sample = {
    "type": "queue.observed", "id": "0d8f5b1e-4a52-4d53-9f2f-5e0d7a11aa01", "ts": NOW_MS, "queue": "billing",
    "waiting": 3,
}  # fmt: skip
OFFERED: Sample = {
    "type": "contact.offered", "id": "o-1", "ts": NOW_MS, "contact": "c-1", "queue": "billing",
    "caller": "+49301234567", "issue": "refund", "channel": "Voice", "direction": "inbound",
}  # fmt: skip
HANDLED: Sample = {
    "type": "contact.handled", "id": "h-1", "ts": NOW_MS, "contact": "c-1", "queue": "billing", "agent": "kim",
    "handle_time_s": 312.5, "caller": "+49301234567", "issue": "refund", "outcome": "resolved", "complaint": True,
}  # fmt: skip
