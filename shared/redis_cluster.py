"""Which node of a cluster has a slot, and a link that goes there.

The table is learnt from any node (CLUSTER SLOTS) and corrected by what nodes say (MOVED). A command is sent to another
node, or once more, only after an answer that says that nothing was done with it; one that got no answer is not repeated
here (see `redis_connection`). redis-py has a cluster client, but no part of it that could be used alone: its table
belongs to its own connections, which retry by themselves.
"""

from __future__ import annotations

import asyncio
from binascii import crc_hqx
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from shared.clock import Clock
from shared.log import LogUnavailable
from shared.redis_address import ClusterAddress, RedisAddress
from shared.redis_connection import Argument, RedisLink, closed, connect
from shared.redis_faults import NothingDone, Redirected, RefusedCommand

SLOTS = 16_384
LOOK_S = 1.0
"""How long a node may take to show its table; then another is asked."""
LOOK_PAUSE_S = 0.1
"""Between two looks at a table that still names a node in doubt: a failover takes seconds."""
PAUSES_S = (0.0, 0.0, 0.05, 0.1, 0.2, 0.4)
"""After each attempt that came to nothing. Two redirections are usual when a slot moves; what takes longer than all of
these (a failover, a slot whose keys are being moved one by one) is for the caller to wait for."""


def slot_of(key: str) -> int:
    """The slot of a key; of its hash tag, if it has one."""
    start = key.find("{") + 1
    end = key.find("}", start) if start else -1
    return crc_hqx((key[start:end] if end > start else key).encode(), 0) % SLOTS


class SlotTable:
    """Slot -> address of its master, as far as is known."""

    def __init__(self, address: ClusterAddress, clock: Clock, on_change: Callable[[], None]) -> None:
        """`on_change` is told when another node has a slot that was asked for."""
        self._address = address
        self._clock = clock
        self._on_change = on_change
        self._owners: dict[int, RedisAddress] = {}
        """Of the slots that were asked for."""
        self._ranges: list[tuple[int, int, RedisAddress]] = []
        self._doubted: set[RedisAddress] = set()
        self._next_look_s = float("-inf")
        self._looking: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def masters(self) -> set[RedisAddress]:
        """All nodes that have slots."""
        return {address for _, _, address in self._ranges}

    async def owner(self, slot: int) -> RedisAddress:
        """The node to ask. Looks for it where it is unknown or in doubt. Raises LogUnavailable."""
        if self._closed:
            raise closed()
        known = self._owners.get(slot)
        if known is None or (known in self._doubted and self._clock.steady_s() >= self._next_look_s):
            await self._look()
            known = self._owners.get(slot) or self._place(slot)
        return known

    def known(self, slot: int) -> RedisAddress | None:
        """The node that was asked last."""
        return self._owners.get(slot)

    def doubt(self, address: RedisAddress) -> None:
        """This node failed: before the next command to it, look who has its slots now."""
        self._doubted.add(address)

    def moved(self, slot: int, address: RedisAddress) -> None:
        """A node said that this one has the slot."""
        if self._owners.get(slot) != address:
            self._owners[slot] = address
            self._on_change()

    def close(self) -> None:
        """Look no more."""
        self._closed = True
        if self._looking is not None:
            self._looking.cancel()

    def _place(self, slot: int) -> RedisAddress:
        found = next((address for first, last, address in self._ranges if first <= slot <= last), None)
        if found is None:
            raise LogUnavailable(f"No node of {self._address} serves slot {slot}. Look at CLUSTER INFO.")
        self._owners[slot] = found
        return found

    async def _look(self) -> None:
        if self._looking is None:
            self._looking = asyncio.create_task(self._learn())
            self._looking.add_done_callback(self._looked)
        await asyncio.shield(self._looking)  # others wait for the same look

    def _looked(self, task: asyncio.Task[None]) -> None:
        self._looking = None
        self._next_look_s = self._clock.steady_s() + LOOK_PAUSE_S
        if not task.cancelled():
            task.exception()  # told to those who waited

    async def _learn(self) -> None:
        fault: Exception | None = None
        for node in self._candidates():
            try:
                self._ranges = await _ranges_of(node)
            except (LogUnavailable, RefusedCommand) as met:
                fault = met
                continue
            self._doubted.clear()
            before, self._owners = self._owners, {}
            for slot, address in before.items():
                try:
                    changed = self._place(slot) != address
                except LogUnavailable:
                    continue  # told to who asks for it
                if changed:
                    self._on_change()
            return
        raise LogUnavailable(f"No node of {self._address} answers. The last one: {fault}")

    def _candidates(self) -> Iterator[RedisAddress]:
        """Those in doubt last: a node that was cut off from the others shows an old table."""
        known = dict.fromkeys([*self._owners.values(), *self.masters, *self._address.nodes])
        yield from sorted(known, key=lambda node: node in self._doubted)


async def _ranges_of(node: RedisAddress) -> list[tuple[int, int, RedisAddress]]:
    connection = await connect(node, LOOK_S)
    try:
        found: list[Any] = await connection.send(("CLUSTER", "SLOTS"), LOOK_S)
    finally:
        connection.end("The table was read.")
    return [(first, last, _address(node, master[0], master[1])) for first, last, master, *_ in found]


def _address(told_by: RedisAddress, host: bytes | None, port: int) -> RedisAddress:
    """A node without a name is where the one is that told of it."""
    name = (host or b"").decode()
    return replace(told_by, host=told_by.host if name in ("", "?") else name, port=port)


class Ways:
    """Links to nodes, made when first needed."""

    def __init__(self, new_link: Callable[[RedisAddress], RedisLink]) -> None:
        self._new_link = new_link
        self._links: dict[RedisAddress, RedisLink] = {}

    def to(self, address: RedisAddress) -> RedisLink:
        """The link to a node."""
        link = self._links.get(address)
        if link is None:
            link = self._links[address] = self._new_link(address)
        return link

    def hang_up(self, reason: str, keep: RedisAddress | None = None) -> None:
        """End the connections, but for that to one node."""
        for address, link in self._links.items():
            if address != keep:
                link.hang_up(reason)

    async def close(self) -> None:
        """End them for good."""
        for link in self._links.values():
            await link.close()


class SlotLink:
    """See `redis_connection.Link`: leads to whichever node has a slot."""

    def __init__(self, table: SlotTable, slot: int, ways: Ways, *, shared: bool, follow: bool = True) -> None:
        """`shared`: others use the same ways. Without `follow` a command is not sent on to a node that has the slot
        only since it was asked: after a failover, what it is based on may be gone."""
        self._table = table
        self._slot = slot
        self._ways = ways
        self._shared = shared
        self._follow = follow
        self._at: RedisAddress | None = None

    async def call(self, *arguments: Argument, wait_s: float = 0.0) -> Any:
        """See Link."""
        first = await self._table.owner(self._slot)
        if first != self._at:
            if not self._shared:
                self._ways.hang_up("Another node has the slot now.", keep=first)
            self._at = first
        owner, target, asking = first, first, False
        fault: NothingDone | None = None
        for pause_s in PAUSES_S:
            if owner != first and not self._follow:
                break
            link = self._ways.to(target)
            try:
                return await link.call(*arguments, wait_s=wait_s, asking=asking)
            except Redirected as told:
                fault, asking = told, told.asks
                target = _address(target, told.host.encode(), told.port)
                if not asking:
                    self._table.moved(self._slot, target)
                    owner = target
                continue
            except NothingDone as told:
                fault, asking = told, False
                self._table.doubt(target)
            except LogUnavailable:
                self._table.doubt(target)
                raise
            await asyncio.sleep(pause_s)
            owner = target = await self._table.owner(self._slot)
        assert fault is not None
        if isinstance(fault, Redirected):
            raise LogUnavailable("Another node of the cluster has this partition now. Try again.") from fault
        raise fault

    def hang_up(self, reason: str) -> None:
        """See Link."""
        self._ways.hang_up(reason)

    async def close(self) -> None:
        """See Link."""
        await self._ways.close()
