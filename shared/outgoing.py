"""Connections that this system makes by itself to places on the network: the address is looked at first.

The name is resolved here and the connection goes to the address that was judged, so a name that leads somewhere else a
moment later leads nowhere. No proxy of the environment is used, and no redirect followed.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import httpcore2

from shared.addresses import Network, leads_inside, refusal

ADDRESSES_MAX = 4
"""Of one name that are tried in turn."""


class Reach(NamedTuple):
    """Which private addresses may be connected to: none, or those `within` some networks (None: all)."""

    private: bool = False
    within: tuple[Network, ...] | None = None


class AddressRefused(Exception):
    """Nothing may be sent there."""


class NotReached(OSError):
    """There was no good answer; the text says why."""


class GuardedBackend(httpcore2.AnyIOBackend):
    """Resolves names itself, and connects only to addresses that it may."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """See httpcore2. Raises AddressRefused when the name leads to any address that is refused."""
        try:
            addresses = await addresses_of(host, port)
        except (OSError, UnicodeError) as fault:
            raise httpcore2.ConnectError("its name is not known") from fault
        for address in addresses:
            if (why := refusal(address, allow_private=self._reach.private, within=self._reach.within)) is not None:
                raise AddressRefused(why)
        last: Exception = httpcore2.ConnectError("its name leads nowhere")
        for address in addresses[:ADDRESSES_MAX]:
            try:
                return await super().connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as fault:
                last = fault
        raise last

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore2.AsyncNetworkStream:
        """See httpcore2."""
        raise AddressRefused("a socket of this machine is no place to send to")


async def addresses_of(host: str, port: int = 0) -> list[str]:
    """The IP addresses of a name, each once. Raises OSError or UnicodeError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[4][0]) for place in found))


async def is_inside(host: str) -> bool:
    """Whether a name leads to a private address; no when it leads nowhere."""
    try:
        return any(leads_inside(address) for address in await addresses_of(host))
    except (OSError, UnicodeError):
        return False


async def get(
    url: str, headers: Sequence[tuple[str, str]], *, reach: Reach, bytes_max: int, tls: ssl.SSLContext | None = None
) -> bytes:
    """The body of a GET that is answered 200. Raises NotReached; give it a time limit."""
    headers = [("user-agent", "Strainwatch"), *headers]
    try:
        async with (
            httpcore2.AsyncConnectionPool(
                ssl_context=tls or ssl.create_default_context(), network_backend=GuardedBackend(reach)
            ) as pool,
            pool.stream("GET", url, headers=headers) as answer,
        ):
            if 300 <= answer.status < 400:
                raise NotReached("it answers with a redirect, which is not followed; give the address it leads to")
            if answer.status != 200:
                raise NotReached(f"it answers {answer.status}")
            data = bytearray()
            async for part in answer.aiter_stream():
                data += part
                if len(data) > bytes_max:
                    raise NotReached(f"its answer has more than {bytes_max:,} bytes")
            return bytes(data)
    except NotReached:
        raise
    except (AddressRefused, httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException) as fault:
        raise NotReached(innermost(fault)) from None
    except (OSError, ValueError, TypeError, httpcore2.UnsupportedProtocol) as fault:  # TypeError: no ASCII
        raise NotReached(innermost(fault)) from None


def innermost(fault: BaseException) -> str:
    """The innermost reason; none of them repeats the URL."""
    while fault.__cause__ is not None and not str(fault):
        fault = fault.__cause__
    return str(fault)[:200] or type(fault).__name__
