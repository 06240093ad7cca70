"""Where the primary is, as sentinels know it. Asked at each attempt to connect, never remembered."""

from __future__ import annotations

from dataclasses import replace

from shared.log import LogUnavailable
from shared.redis_address import RedisAddress, SentinelAddress
from shared.redis_connection import connect
from shared.redis_faults import RefusedCommand

ASK_S = 1.0
"""A sentinel has nothing else to do than to answer; one that does not is away with its machine: the next is asked."""


class Sentinels:
    """The sentinels of a service; the one that answered last is asked first."""

    def __init__(self, address: SentinelAddress) -> None:
        self._address = address
        self._sentinels = list(address.sentinels)

    async def primary(self) -> RedisAddress:
        """The server that is the primary now. Raises LogUnavailable."""
        unknown = silent = None
        for sentinel in tuple(self._sentinels):
            try:
                found = await self._asked(sentinel)
            except (LogUnavailable, RefusedCommand) as fault:
                silent = fault
                continue
            if found is None:
                unknown = sentinel
                continue
            self._sentinels.remove(sentinel)
            self._sentinels.insert(0, sentinel)
            return found
        if unknown is not None:
            raise LogUnavailable(
                f"The sentinel at {unknown.place} knows no service {self._address.service!r}. Correct the name at the "
                "end of STRAINWATCH_REDIS_URL."
            )
        raise LogUnavailable(f"No sentinel of {self._address} answers. The last one: {silent}")

    async def _asked(self, sentinel: RedisAddress) -> RedisAddress | None:
        connection = await connect(sentinel, ASK_S)
        try:
            command = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._address.service)
            found = await connection.send(command, ASK_S)
        finally:
            connection.end("The sentinel was asked.")
        return found and replace(self._address.server, host=found[0].decode(), port=int(found[1]))
