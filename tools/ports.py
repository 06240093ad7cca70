"""Where services listen when nobody says otherwise. Apart from everything else, so that a health check starts fast."""

from __future__ import annotations

from typing import Literal

Which = Literal["all", "ingest", "notify", "scoring"]
PORTS: dict[Which, int] = {"all": 8080, "ingest": 8081, "notify": 8082, "scoring": 8083}
