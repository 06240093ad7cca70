"""Where the log store is: the URL of STRAINWATCH_REDIS_URL, understood once.

| store | URL |
|---|---|
| one server | `redis://[user:password@]host[:6379][/db]`, `unix://[user:password@]/path[?db=n]` |
| Sentinel | `redis+sentinel://[user:password@]host[:26379],host[:26379],.../service[?db=n]` |
| Cluster | `redis+cluster://[user:password@]host[:6379],host[:6379],...`; some of its nodes, the others are learnt |

User and password are those of the servers; sentinels that want their own get them as the options `sentinel_username`
and `sentinel_password`. With `rediss` instead of `redis` everything goes over TLS, with the options that redis-py has:
`ssl_ca_certs`, `ssl_certfile`, `ssl_keyfile`, `ssl_cert_reqs`, `ssl_check_hostname`.
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field, replace
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

DEFAULT_PORT = 6379
SENTINEL_PORT = 26379
_TLS_OPTIONS = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname"})
_MANY = re.compile(r"(?:([^@/?#]*)@)?([^@/?#]*)(?:/([^/?#]*))?(?:\?([^#]*))?")
"""Of a URL with several hosts, which is none to the standard: user and password, hosts, path, query."""
_BEHIND = re.compile("[/?#]")
_HOST = re.compile(r"(?:\[([0-9a-fA-F:.%]+)\]|([^\[\]:]+))(?::(\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """One server: `socket_path`, or `host` and `port`. Printed without the password."""

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
        return f"{'rediss' if self.tls else 'redis'}://{self.place}/{self.db}"

    @property
    def place(self) -> str:
        """`host:port`, as in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, url: str) -> RedisAddress:
        """Of one server. Raises ValueError; its text says what to change and does not repeat the password."""
        try:
            parts = urlsplit(url)
        except ValueError:  # whose text has a part of the URL in it
            raise _not_understood() from None
        if parts.scheme not in ("redis", "rediss", "unix"):
            raise _unknown_scheme(parts.scheme)
        options = _options(parts.query, {"db"}, tls=parts.scheme == "rediss")
        username = unquote(parts.username) if parts.username else None
        password = unquote(parts.password) if parts.password else None
        if parts.scheme == "unix":
            if (parts.netloc and "@" not in parts.netloc) or parts.hostname or not parts.path.startswith("/"):
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


@dataclass(frozen=True, slots=True)
class SentinelAddress:
    """Servers that sentinels watch: any of `sentinels` tells which one is the primary of `service`."""

    sentinels: tuple[RedisAddress, ...]
    service: str
    server: RedisAddress
    """What all servers of the service have in common: user, password, database, TLS."""

    def __str__(self) -> str:
        db = f"?db={self.server.db}" if self.server.db else ""
        return f"{_scheme(self.server)}+sentinel://{_places(self.sentinels)}/{self.service}{db}"


@dataclass(frozen=True, slots=True)
class ClusterAddress:
    """A cluster, by some of its nodes."""

    nodes: tuple[RedisAddress, ...]

    def __str__(self) -> str:
        return f"{_scheme(self.nodes[0])}+cluster://{_places(self.nodes)}"


StoreAddress = RedisAddress | SentinelAddress | ClusterAddress


def parse_address(url: str) -> StoreAddress:
    """The store that a URL names. Raises ValueError; its text says what to change and does not repeat the password."""
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower()
    if scheme != "unix" and any("@" in behind for behind in _BEHIND.split(rest, maxsplit=1)[1:]):
        raise _not_understood()  # a password with one of these in it; what comes after would look like host or path
    if scheme in ("redis+sentinel", "rediss+sentinel"):
        return _sentinel(url, tls=scheme.startswith("rediss"))
    if scheme in ("redis+cluster", "rediss+cluster"):
        return _cluster(url, tls=scheme.startswith("rediss"))
    return RedisAddress.parse(url)


def _sentinel(url: str, *, tls: bool) -> SentinelAddress:
    server, places, service, options = _many(url, {"db", "sentinel_username", "sentinel_password"}, tls=tls)
    if not service:
        raise ValueError(
            "STRAINWATCH_REDIS_URL lacks the name under which the sentinels know the service: "
            "redis+sentinel://host1,host2,host3/mymaster"
        )
    server = replace(server, db=_number(options.get("db", "0")))
    theirs = replace(
        server,
        db=0,
        username=options.get("sentinel_username") or None,
        password=options.get("sentinel_password") or None,
    )
    return SentinelAddress(tuple(_hosts(places, SENTINEL_PORT, theirs)), service, server)


def _cluster(url: str, *, tls: bool) -> ClusterAddress:
    node, places, path, options = _many(url, {"db"}, tls=tls)
    if path not in ("", "0") or options.get("db", "0") != "0":
        raise ValueError("STRAINWATCH_REDIS_URL names a database; a cluster has only one, so leave it out")
    return ClusterAddress(tuple(_hosts(places, DEFAULT_PORT, node)))


def _many(url: str, known: set[str], *, tls: bool) -> tuple[RedisAddress, str, str, dict[str, str]]:
    """What all servers have in common, the hosts, the path and the options of a URL with several hosts."""
    parts = _MANY.fullmatch(url.partition("://")[2])
    if parts is None:
        raise _not_understood()
    user, places, path, query = (part or "" for part in parts.groups())
    options = _options(query, known, tls=tls)
    username, _, password = (unquote(part) for part in user.partition(":"))
    common = RedisAddress(username=username or None, password=password or None, tls=_tls(options) if tls else None)
    return common, places, unquote(path), options


def _hosts(places: str, port: int, common: RedisAddress) -> list[RedisAddress]:
    found = []
    for place in places.split(","):
        parts = _HOST.fullmatch(place)
        if parts is None or not 0 < int(parts[3] or port) < 65_536:
            raise ValueError(
                f"STRAINWATCH_REDIS_URL names the host {place!r}; write host or host:port, several with commas between"
            )
        found.append(replace(common, host=parts[1] or parts[2], port=int(parts[3] or port)))
    return found


def _not_understood() -> ValueError:
    return ValueError(
        "STRAINWATCH_REDIS_URL cannot be understood; write user and password with %-escapes (/ is %2F, @ is %40), "
        "then @, then the host, or several with commas between them"
    )


def _unknown_scheme(scheme: str) -> ValueError:
    return ValueError(
        f"STRAINWATCH_REDIS_URL begins with {scheme!r}; use redis://, rediss:// or unix:// for one server, "
        "redis+sentinel:// or redis+cluster:// for several"
    )


def _scheme(server: RedisAddress) -> str:
    return "rediss" if server.tls else "redis"


def _places(servers: tuple[RedisAddress, ...]) -> str:
    return ",".join(server.place for server in servers)


def _options(query: str, known: set[str], *, tls: bool) -> dict[str, str]:
    options = dict(parse_qsl(query))
    unknown = sorted(options.keys() - known - (_TLS_OPTIONS if tls else set()))
    if unknown:
        raise ValueError(f"STRAINWATCH_REDIS_URL has unknown options: {', '.join(unknown)}")
    return options


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
