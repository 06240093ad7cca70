"""The ways from the log to its keys: to one server, to the one that Sentinel names, or to the nodes of a cluster.

Quick commands share connections. Reads that may wait have their own, and so have promised entries where replicas must
confirm them: until they have, nothing else gets through on that connection.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Protocol

from shared.clock import Clock
from shared.redis_address import ClusterAddress, RedisAddress, SentinelAddress, StoreAddress
from shared.redis_cluster import SlotLink, SlotTable, Ways, slot_of
from shared.redis_confirm import Confirmation
from shared.redis_connection import Find, Link, RedisLink, closed
from shared.redis_faults import RefusedCommand
from shared.redis_sentinel import Sentinels


class Links(Protocol):
    """One for each log. Keys that share a hash tag share a way."""

    breaks: int
    """How often a connection was lost, or a key of ours was found on another node than before."""

    def of(self, key: str) -> Link:
        """For quick commands."""

    def owned(self, key: str) -> Link:
        """For quick commands that count on what the owner of a partition knows of it."""

    def promised(self, key: str) -> Link:
        """For writes that somebody is told of: they count once replicas have confirmed them, where that is set up."""

    def borrow(self, key: str) -> Link:
        """For a read that may wait; nobody else uses it until it is given back. Raises LogUnavailable: closed."""

    def give_back(self, key: str, link: Link) -> None:
        """The read is over."""

    def apart(self, keys: list[str]) -> list[str]:
        """One key for each place that holds some of them, as far as is known."""

    async def close(self) -> None:
        """End all connections for good."""


def links_to(address: StoreAddress, clock: Clock, reply_timeout_s: float, confirmation: Confirmation | None) -> Links:
    """The ways to a store. Nothing is dialled yet."""
    if isinstance(address, ClusterAddress):
        return ClusterLinks(address, clock, reply_timeout_s, confirmation)
    return NodeLinks(address, clock, reply_timeout_s, confirmation)


async def can_confirm_on_disk(link: Link) -> None:
    """Raises ValueError where the store cannot."""
    try:
        await link.call("WAITAOF", 1, 0, 1)
    except RefusedCommand as fault:
        raise ValueError(
            "STRAINWATCH_CONFIRM_ON=disk: needs Redis 7.2 or newer, or Valkey, with `appendonly yes` on every server "
            f"({fault})"
        ) from fault


class _Breaks:
    def __init__(self) -> None:
        self.breaks = 0
        self._closed = False

    def _broke(self) -> None:
        self.breaks += 1


class NodeLinks(_Breaks):
    """See Links: all keys are on one server."""

    def __init__(
        self,
        address: RedisAddress | SentinelAddress,
        clock: Clock,
        reply_timeout_s: float,
        confirmation: Confirmation | None,
    ) -> None:
        super().__init__()
        self.find: Find
        if isinstance(address, SentinelAddress):
            self.find, primary = Sentinels(address).primary, True
        else:
            self.find, primary = _always(address), False

        def new_link(confirmation: Confirmation | None = None) -> RedisLink:
            # By way of `self`: where to dial may be another place tomorrow.
            return RedisLink(
                lambda: self.find(),
                clock,
                reply_timeout_s,
                primary=primary,
                on_break=self._broke,
                confirmation=confirmation,
            )

        self._new_link = new_link
        self._quick = new_link()
        self._confirming: defaultdict[int, RedisLink] | None = None
        if confirmation is not None:
            self._confirming = defaultdict(lambda: new_link(confirmation))
        self._lent: list[Link] = []
        self._idle: list[Link] = []

    def of(self, key: str) -> Link:
        """See Links."""
        return self._quick

    owned = of

    def promised(self, key: str) -> Link:
        """See Links."""
        return self._quick if self._confirming is None else self._confirming[slot_of(key)]

    def borrow(self, key: str) -> Link:
        """See Links."""
        if self._closed:
            raise closed()
        if self._idle:
            return self._idle.pop()
        link = self._new_link()
        self._lent.append(link)
        return link

    def give_back(self, key: str, link: Link) -> None:
        """See Links."""
        self._idle.append(link)

    def apart(self, keys: list[str]) -> list[str]:
        """See Links."""
        return keys[:1]

    async def close(self) -> None:
        """See Links."""
        self._closed = True
        for link in (self._quick, *(self._confirming or {}).values(), *self._lent):
            await link.close()


def _always(address: RedisAddress) -> Find:
    async def find() -> RedisAddress:
        return address

    return find


class ClusterLinks(_Breaks):
    """See Links: the keys of a hash tag are on the node that has its slot."""

    def __init__(
        self, address: ClusterAddress, clock: Clock, reply_timeout_s: float, confirmation: Confirmation | None
    ) -> None:
        super().__init__()
        self._table = SlotTable(address, clock, self._broke)

        def new_ways(confirmation: Confirmation | None = None) -> Ways:
            def new_link(node: RedisAddress) -> RedisLink:
                return RedisLink(_always(node), clock, reply_timeout_s, on_break=self._broke, confirmation=confirmation)

            return Ways(new_link)

        self._new_ways = new_ways
        self._quick = new_ways()
        self._of: dict[int, SlotLink] = {}
        self._owned: dict[int, SlotLink] = {}
        self._confirmation = confirmation
        self._confirming: dict[int, SlotLink] = {}
        self._lent: list[Link] = []
        self._idle: defaultdict[int, list[Link]] = defaultdict(list)

    def of(self, key: str) -> Link:
        """See Links."""
        slot = slot_of(key)
        if slot not in self._of:
            self._of[slot] = SlotLink(self._table, slot, self._quick, shared=True)
        return self._of[slot]

    def owned(self, key: str) -> Link:
        """See Links."""
        slot = slot_of(key)
        if slot not in self._owned:
            self._owned[slot] = SlotLink(self._table, slot, self._quick, shared=True, follow=False)
        return self._owned[slot]

    def promised(self, key: str) -> Link:
        """See Links."""
        if self._confirmation is None:
            return self.of(key)
        slot = slot_of(key)
        if slot not in self._confirming:
            self._confirming[slot] = SlotLink(self._table, slot, self._new_ways(self._confirmation), shared=False)
        return self._confirming[slot]

    def borrow(self, key: str) -> Link:
        """See Links."""
        if self._closed:
            raise closed()
        slot = slot_of(key)
        if self._idle[slot]:
            return self._idle[slot].pop()
        link = SlotLink(self._table, slot, self._new_ways(), shared=False)
        self._lent.append(link)
        return link

    def give_back(self, key: str, link: Link) -> None:
        """See Links."""
        self._idle[slot_of(key)].append(link)

    def apart(self, keys: list[str]) -> list[str]:
        """See Links."""
        return list({self._table.known(slot_of(key)): key for key in reversed(keys)}.values())

    async def close(self) -> None:
        """See Links."""
        self._closed = True
        self._table.close()
        await self._quick.close()
        for link in (*self._confirming.values(), *self._lent):
            await link.close()
