"""A webhook: the alert as JSON by POST, signed, to an address that was looked at first.

See `shared.outgoing`: the connection goes to the address that was judged. No proxy of the environment is used, no
redirect followed, no body of an answer read.
"""

from __future__ import annotations

import asyncio
import ssl

import httpcore2
import msgspec

from services.notify.channels.signature import signed_headers
from services.notify.core.channel_settings import Channel
from services.notify.core.message import Message
from services.notify.core.retries import Outcome, Verdict, outcome_of_status
from shared.addresses import Network
from shared.clock import Clock
from shared.outgoing import AddressRefused, GuardedBackend, Reach, innermost

TRY_S = 15.0
"""One try, all in all: the least of the 15 to 30 s that Standard Webhooks recommends, since others wait behind it."""


class Webhook:
    """Sends to one receiver."""

    def __init__(
        self,
        channel: Channel,
        clock: Clock,
        tls: ssl.SSLContext | None = None,
        within: tuple[Network, ...] | None = None,
    ) -> None:
        """`within`: the networks that `allow_private` opens; None: all of them."""
        self._channel, self._clock = channel, clock
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls or ssl.create_default_context(),
            max_connections=4,
            max_keepalive_connections=0,  # each try looks at the address anew
            network_backend=GuardedBackend(Reach(channel.allow_private, within)),
        )

    async def send(self, message: Message) -> Outcome:
        """One try."""
        body = body_of(message)
        signed = signed_headers(self._channel.secrets, message.id, self._clock.now_ms() // 1000, body)
        headers = [("content-type", "application/json"), ("user-agent", "Strainwatch"), *signed.items()]
        try:
            async with (
                asyncio.timeout(TRY_S),
                self._pool.stream("POST", self._channel.url, headers=headers, content=body) as answer,
            ):
                retry_after = next(
                    (v.decode("latin-1") for k, v in answer.headers if k.lower() == b"retry-after"), None
                )
                return outcome_of_status(answer.status, retry_after)
        except AddressRefused as fault:
            return Outcome(Verdict.REFUSED, str(fault))
        except (TimeoutError, httpcore2.TimeoutException):
            return Outcome(Verdict.AWAY, f"gave no answer within {TRY_S:g} s")
        except ssl.SSLError as fault:
            return Outcome(Verdict.AWAY, f"TLS failed: {fault.reason or 'see its certificate'}")
        except (httpcore2.NetworkError, httpcore2.ProtocolError, OSError) as fault:
            return Outcome(Verdict.AWAY, f"cannot be reached ({innermost(fault)})")

    async def close(self) -> None:
        """Close its connections."""
        await self._pool.aclose()


def body_of(message: Message) -> bytes:
    """As Standard Webhooks has it; `data` is the alert, byte for byte as the log has it, so every try is the same."""
    return msgspec.json.encode(
        {"type": message.type, "timestamp": message.timestamp, "data": msgspec.Raw(message.data)}
    )
