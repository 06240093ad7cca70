"""What ops do on purpose: rolling restarts under load."""

from __future__ import annotations

import asyncio
import time

from tests.chaos.rows import Chaos, Row, fault
from tests.chaos.system import system
from tests.chaos.waiting import until

LEADS = 200


@fault("SIGTERM rolling restart under load", "each service in turn, with 200 leads attached and events on their way")
async def rolling(chaos: Chaos, row: Row) -> None:
    longest: dict[str, float] = {}
    async with system(chaos, row) as it:
        await it.owned()
        load = it.load()
        await it.join(LEADS)
        for _ in range(chaos.share(5)):
            for name in ("scoring-a", "scoring-b", "notify", "ingest"):
                await asyncio.sleep(it.rng.uniform(0.5, 1.5))
                service, at_s = it.services[name], time.monotonic()
                ended_s = await service.terminate()
                longest[name.split("-")[0]] = max(longest.get(name.split("-")[0], 0.0), ended_s)
                service.start()
                await service.answers("/readyz")
                await until(lambda: load.ledger.acknowledged_at_s > at_s, "events are acknowledged")  # noqa: B023
                await it.scored_from((await it.state()).events_last)
                await until(lambda: all(lead.live.is_set() for lead in it.leads), "all leads are there")
                row.recovered(time.monotonic() - at_s)
        row.judged(await it.judged())
        row.figures["ended after at most"] = ", ".join(f"{name} {s:.1f} s" for name, s in longest.items())
        said = {code for lead in it.leads for code in lead.goodbyes}
        row.expect(said == {1012}, f"leads were told {said}, not only that the server restarts")
