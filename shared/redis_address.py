"""Where the log store is: the URL of STRAINWATCH_REDIS_URL, understood once.

`redis://[user:password@]host[:port][/db]`, `rediss://` (the same over TLS) and `unix://[user:password@]/path[?db=n]`.
TLS takes the options that redis-py has: `ssl_ca_certs`, `ssl_certfile`, `ssl_keyfile`, `ssl_cert_reqs`,
`ssl_check_hostname`. Sentinel and Cluster would get their schemes here, and `RedisLog._link_of` their choice of node.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

DEFAULT_PORT = 6379
_TLS_OPTIONS = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname"})


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """One node: `socket_path`, or `host` and `port`. Printed without the password."""

    host: str = ""
    port: int = DEFAULT_PORT
    socket_path: str | None = None
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        if self.socket_path is not None:
            return f"unix://{self.socket_path}?db={self.db}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'rediss' if self.tls else 'redis'}://{host}:{self.port}/{self.db}"

    @classmethod
    def parse(cls, url: str) -> RedisAddress:
        """Raises ValueError; its text says what to change and does not repeat the password."""
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query))
        if parts.scheme not in ("redis", "rediss", "unix"):
            raise ValueError(f"STRAINWATCH_REDIS_URL begins with {parts.scheme!r}; use redis://, rediss:// or unix://")
        unknown = sorted(options.keys() - {"db"} - (_TLS_OPTIONS if parts.scheme == "rediss" else set()))
        if unknown:
            raise ValueError(f"STRAINWATCH_REDIS_URL has unknown options: {', '.join(unknown)}")
        username = unquote(parts.username) if parts.username else None
        password = unquote(parts.password) if parts.password else None
        if parts.scheme == "unix":
            if parts.hostname or not parts.path.startswith("/"):
                raise ValueError("STRAINWATCH_REDIS_URL needs the whole path of the socket: unix:///run/valkey.sock")
            path, db = unquote(parts.path), _number(options.get("db", "0"))
            return cls(socket_path=path, db=db, username=username, password=password)
        return cls(
            host=parts.hostname or "localhost",
            port=_port(parts),
            db=_number(options.get("db") or parts.path.strip("/") or "0"),
            username=username,
            password=password,
            tls=_tls(options) if parts.scheme == "rediss" else None,
        )


def _port(parts: SplitResult) -> int:
    try:
        return parts.port or DEFAULT_PORT
    except ValueError:
        raise ValueError("STRAINWATCH_REDIS_URL has a port that is not a number from 1 to 65535") from None


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"STRAINWATCH_REDIS_URL names the database {text!r}; it is a number, 0 when left out")
    return int(text)


def _tls(options: dict[str, str]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=options.get("ssl_ca_certs"))
        if "ssl_certfile" in options:
            context.load_cert_chain(options["ssl_certfile"], options.get("ssl_keyfile"))
    except OSError as fault:
        raise ValueError(f"STRAINWATCH_REDIS_URL names a certificate that cannot be read: {fault}") from fault
    if options.get("ssl_check_hostname", "true").lower() in ("false", "no", "0"):
        context.check_hostname = False
    if options.get("ssl_cert_reqs", "required").lower() == "none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
