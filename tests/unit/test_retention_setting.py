"""How long streams are kept, as it is set."""

from __future__ import annotations

import pytest

from shared.log import Retention
from shared.retention import retention_of
from shared.settings import BadSetup, Environment

DAY_MS = 86_400_000


def test_what_is_not_set_is_kept_as_documented() -> None:
    assert retention_of("") == Environment.read({}).keep == Retention()
    found = Environment.read({"STRAINWATCH_KEEP": "alerts=14d, audit=30d,events_bytes=512MiB"}).keep
    assert (found.alerts_ms, found.audit_ms, found.events_bytes) == (14 * DAY_MS, 30 * DAY_MS, 512 << 20)
    assert (found.events_ms, found.history_ms, found.rejects_ms) == (26 * DAY_MS // 24, 26 * DAY_MS // 24, DAY_MS)


@pytest.mark.parametrize("text", ["alerts=1d", "events=0h", "audit=401d", "alerts", "minutes=3h", "events_bytes=1MiB",
                                  "audit=-1d", "audit=1w", "signals=1h"])  # fmt: skip
def test_what_makes_no_sense_is_told_with_what_to_write(text: str) -> None:
    with pytest.raises(BadSetup, match="STRAINWATCH_KEEP: "):
        Environment.read({"STRAINWATCH_KEEP": text})
