"""An alert as far as a channel tells it; the rest stays bytes."""

from __future__ import annotations

import msgspec

from services.notify.core.alerts import TitledAlert
from shared.contract.alerts import Driver, SuggestedAction


class ToldAlert(TitledAlert, frozen=True, kw_only=True):
    """An alert at one change."""

    strain: float
    drivers: list[Driver]
    action: SuggestedAction


_decoder = msgspec.json.Decoder(ToldAlert)


def read_told(data: bytes) -> ToldAlert:
    """From an entry of the alerts log. Raises msgspec.MsgspecError or UnicodeError."""
    return _decoder.decode(data)
