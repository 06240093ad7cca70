"""Connections that the system makes by itself, and receivers and names that would lead it elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from ipaddress import ip_network
from typing import Any

import pytest

from shared import outgoing
from shared.jwks import SET_BYTES_MAX, KeysUnavailable, fetch_by_http
from shared.outgoing import NotReached, Reach, get

pytestmark = pytest.mark.asyncio

HOME = "127.0.0.1"
INSIDE = Reach(private=True)


@contextlib.asynccontextmanager
async def receiver(answer: bytes) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A port that answers everything alike, and what came."""
    asked: list[bytes] = []

    async def heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(heard, HOME, 0)
    async with server:
        yield server.sockets[0].getsockname()[1], asked


def ok(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


class Names:
    """A resolver that answers as it is told, another address each time."""

    def __init__(self, *answers: str) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def addresses_of(self, host: str, port: int = 0) -> list[str]:
        self.asked += 1
        return [self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]]


async def test_a_private_address_is_asked_only_when_that_is_meant() -> None:
    async with receiver(ok(b"{}")) as (port, asked):
        for host in (HOME, "localhost", "[::ffff:127.0.0.1]", "127.1", "2130706433", "0x7f000001", "0.0.0.0"):
            with pytest.raises(NotReached):
                await get(f"http://{host}:{port}/", [], reach=Reach(), bytes_max=99)
        within = (ip_network("10.0.0.0/8"),)
        with pytest.raises(NotReached, match="PRIVATE_NETWORKS"):
            await get(f"http://{HOME}:{port}/", [], reach=Reach(True, within), bytes_max=99)
        assert not asked
        assert await get(f"http://{HOME}:{port}/", [], reach=INSIDE, bytes_max=99) == b"{}"


async def test_a_name_that_leads_elsewhere_a_moment_later_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address that was judged is the one that is connected to: a second answer is never asked for."""
    names = Names("93.184.216.34", HOME)
    monkeypatch.setattr(outgoing, "addresses_of", names.addresses_of)
    connected: list[Any] = []

    async def connect(self: Any, host: str, *rest: Any, **more: Any) -> Any:
        connected.append(host)
        raise outgoing.httpcore2.ConnectError("stopped here")

    monkeypatch.setattr(outgoing.httpcore2.AnyIOBackend, "connect_tcp", connect)
    with pytest.raises(NotReached, match="stopped here"):
        await get("http://rebinding.example/", [], reach=Reach(), bytes_max=99)
    assert (connected, names.asked) == (["93.184.216.34"], 1)


async def test_no_redirect_is_followed() -> None:
    async with receiver(ok(b"secret")) as (inside, asked):
        for status in (301, 302, 303, 307, 308):
            moved = b"HTTP/1.1 %d Moved\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n" % (
                status,
                inside,
            )
            async with receiver(moved) as (port, _):
                with pytest.raises(KeysUnavailable, match="redirect"):
                    await fetch_by_http()(f"http://{HOME}:{port}/jwks")
        assert not asked


async def test_a_public_issuer_cannot_send_us_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiver(ok(b'{"keys":[]}')) as (port, asked):
        url = f"http://{HOME}:{port}/jwks"
        monkeypatch.setattr(outgoing, "addresses_of", Names("93.184.216.34", HOME).addresses_of)
        with pytest.raises(KeysUnavailable, match="private"):
            await fetch_by_http("https://login.example.org/realm")(url)
        assert not asked
        monkeypatch.undo()
        for issuer in (None, f"http://{HOME}:{port}"):  # an issuer in the own network
            assert await fetch_by_http(issuer)(url) == b'{"keys":[]}'
        assert await fetch_by_http("https://[64:ff9b::1]/", (ip_network("127.0.0.0/8"),))(url)
        with pytest.raises(KeysUnavailable, match="PRIVATE_NETWORKS"):
            await fetch_by_http(f"http://{HOME}:{port}", (ip_network("10.0.0.0/8"),))(url)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 204 No\r\n\r\n",
        b"no http at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\ncut",
        ok(b"x" * (SET_BYTES_MAX + 1)),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n" + b"x" * (SET_BYTES_MAX + 9),
        b"",
    ],
)
async def test_what_is_no_set_of_keys_is_a_fault_of_the_world(answer: bytes) -> None:
    async with receiver(answer) as (port, _):
        with pytest.raises(KeysUnavailable):
            await fetch_by_http()(f"http://{HOME}:{port}/jwks")


async def test_no_proxy_of_the_environment_comes_between(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiver(ok(b"by proxy")) as (proxy, through), receiver(ok(b"straight")) as (port, _):
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://{HOME}:{proxy}")
        assert await get(f"http://{HOME}:{port}/", [], reach=INSIDE, bytes_max=99) == b"straight"
        assert not through


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://x/", "http://", "http://\u2100/"])
async def test_only_http_is_spoken(url: str) -> None:
    with pytest.raises(NotReached):
        await get(url, [], reach=INSIDE, bytes_max=99)


async def test_a_name_that_nobody_knows_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody(*_: Any) -> list[str]:
        raise socket.gaierror("no")

    monkeypatch.setattr(outgoing, "addresses_of", nobody)
    with pytest.raises(NotReached, match="not known"):
        await get("http://nobody.example/", [], reach=Reach(), bytes_max=99)
