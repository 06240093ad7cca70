"""What a person sets: the settings file (TOML), which goes into the log, and the environment of a process."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from shared.addresses import Network
from shared.contract.entries import Settings
from shared.log import Retention
from shared.retention import retention_of

SETTINGS_BYTES_MAX = 1 << 20
"""A table for each of some thousand queues; it becomes one entry of the log and part of every checkpoint."""
SECRET_BYTES_MAX = 1 << 16
"""A file that holds more than this is not a secret; the name of another file stands there by mistake."""
ZONE_WEEKS = 53
"""How far ahead the UTC offsets of zones go into the log: a year, since settings that stay as they are go in only once.
"""
ZONE_KEY = "timezone"
"""The key under which any table of the settings names a zone."""
_STEP = timedelta(hours=1)  # zones change at whole hours or half hours of UTC; the exact moment is then searched


class BadSetup(ValueError):
    """A process cannot start as it is set up. `faults` names everything that is wrong, each with its place."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


# --- the settings file


def read_settings(path: Path, *, check: Callable[[Mapping[str, Any]], list[str]], now_ms: int) -> Settings:
    """The settings of a TOML file as they go into the log. `check` names the faults of a document.

    Raises BadSetup with every fault of the file.
    """
    try:
        data = path.read_bytes()
    except OSError as fault:
        raise BadSetup([f"settings file {path}: cannot be read ({fault.strerror})"]) from None
    try:
        return settings_of(data, check=check, now_ms=now_ms)
    except BadSetup as bad:
        raise BadSetup([f"settings file {path}: {fault}" for fault in bad.faults]) from None


def settings_of(data: bytes, *, check: Callable[[Mapping[str, Any]], list[str]], now_ms: int) -> Settings:
    """The settings of a TOML text. Raises BadSetup."""
    if len(data) > SETTINGS_BYTES_MAX:
        raise BadSetup([f"{len(data):,} bytes; at most {SETTINGS_BYTES_MAX:,}"])
    try:
        document = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise BadSetup([f"is not TOML: {fault}"]) from None
    faults = list(check(document))
    offsets: dict[str, list[tuple[int, int]]] = {}
    for zone in sorted(set(_zones(document))):
        try:
            offsets[zone] = utc_offsets(zone, now_ms)
        except ValueError as fault:
            faults.append(f"{ZONE_KEY}: {fault}")
    if faults:
        raise BadSetup(faults)
    return Settings(int(document.get("revision", 1)), digest_of(document), document, offsets)


def digest_of(document: Mapping[str, Any]) -> str:
    """Stands for what a document says: comments, order and layout of the file do not matter."""
    return blake2b(msgspec.json.encode(document, order="sorted"), digest_size=16).hexdigest()


def utc_offsets(zone: str, from_ms: int, weeks: int = ZONE_WEEKS) -> list[tuple[int, int]]:
    """(from ms, offset in s) of a zone for some weeks: the offset at the start, then each change.

    Raises ValueError for a zone that does not exist.
    """
    try:
        tz = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"no time zone {zone!r}; give an IANA name such as Europe/Madrid") from None
    at = datetime.fromtimestamp(from_ms // 1000, UTC)
    end = at + timedelta(weeks=weeks)
    out = [(from_ms, _offset_s(tz, at))]
    while at < end:
        later = at + _STEP
        if _offset_s(tz, later) != out[-1][1]:
            before, after = at, later
            while after - before > timedelta(seconds=1):
                middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
                before, after = (middle, after) if _offset_s(tz, middle) == out[-1][1] else (before, middle)
            out.append((int(after.timestamp()) * 1000, _offset_s(tz, after)))
        at = later
    return out


def _offset_s(tz: ZoneInfo, at: datetime) -> int:
    offset = at.astimezone(tz).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def _zones(table: Mapping[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        if key == ZONE_KEY and isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            yield from _zones(value)


# --- the environment

_PREFIX = "STRAINWATCH_"
LOG_LEVELS = ("debug", "info", "warning", "error")
_SHARD = re.compile(r"(\d{1,4})/(\d{1,4})", re.ASCII)
_OF_ORDINAL = re.compile(r"ordinal/(\d{1,4})", re.ASCII)
_ORDINAL = re.compile(r"-(\d{1,4})$", re.ASCII)


@dataclass(frozen=True, slots=True)
class Environment:
    """`STRAINWATCH_*` of a process. Secrets never show in its repr.

    Variables that are not ours are left alone, also with our prefix: orchestrators put such there by themselves.
    """

    redis_url: str | None = field(default=None, repr=False)
    """`_REDIS_URL` (it may hold a password); None: the embedded server of the data folder."""
    host: str = "127.0.0.1"
    port: int | None = None
    """`_PORT`; None: the default of the service."""
    data_dir: Path = Path("data")
    settings: Path | None = None
    jwt_secret: bytes | None = field(default=None, repr=False)
    caller_secret: bytes | None = field(default=None, repr=False)
    jwt_jwks_url: str | None = None
    """`_JWT_JWKS_URL`: where the issuer of people's tokens shows its keys; then `_JWT_ISSUER`, and `_JWT_AUDIENCE` or
    `_OIDC_CLIENT_ID`, say whose tokens for whom are meant."""
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    jwt_claims: dict[str, str] = field(default_factory=dict)
    """`_JWT_CLAIMS`: `tenant=org,teams=groups,role=realm_access.roles,agent=acd_id`, ours = theirs."""
    oidc_client_id: str | None = None
    """`_OIDC_CLIENT_ID`: under which the page signs people in at the issuer (authorization code with PKCE)."""
    oidc_scope: str = "openid profile"
    allowed_origins: tuple[str, ...] = ()
    """`_ALLOWED_ORIGINS`: pages of other hosts that may open the feed, such as a wallboard's."""
    private_networks: tuple[Network, ...] | None = None
    """`_PRIVATE_NETWORKS`: which private addresses webhooks, channels and the issuer's keys may be at."""
    partitions: int | None = None
    confirm_replicas: int = 0
    """`_CONFIRM_REPLICAS`: so many replicas must have what was sent before it is answered with success."""
    confirm_on: str = "memory"
    """`_CONFIRM_ON`: `memory`, or `disk` for the AOF of the primary and of the replicas."""
    keep: Retention = field(default_factory=Retention)
    """`_KEEP=events=26h,audit=30d`: how long streams are kept; every scorer and notify of a log needs the same."""
    scoring_shard: tuple[int, int] | None = (0, 1)  # None: standby
    """`_SCORING_SHARD=i/N`: this scorer owns the partitions p with p mod N = i. `ordinal/N`: i is the pod's number.
    `standby`: any partition, until the scorer whose it is asks for it."""
    log_level: str = "info"
    """`_LOG_LEVEL`: the least that is worth a line."""

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> Environment:
        """From the variables of a process. `REDIS_URL`, `JWT_SECRET` and `CALLER_SECRET` may stand in a file, named
        by `..._FILE`. An empty variable is an absent one. Raises BadSetup with every fault.
        """
        given = _Given(variables)
        found = cls(
            redis_url=given.secret("REDIS_URL"),
            host=given.text("HOST") or "127.0.0.1",
            port=given.number("PORT", 0, 65_535),
            data_dir=Path(given.text("DATA_DIR") or "data"),
            settings=Path(path) if (path := given.text("SETTINGS")) else None,
            jwt_secret=given.secret_bytes("JWT_SECRET"),
            caller_secret=given.secret_bytes("CALLER_SECRET"),
            jwt_jwks_url=given.web_address("JWT_JWKS_URL"),
            jwt_issuer=given.web_address("JWT_ISSUER"),
            jwt_audience=given.text("JWT_AUDIENCE"),
            jwt_claims=given.pairs("JWT_CLAIMS", ("tenant", "teams", "role", "agent")),
            oidc_client_id=given.text("OIDC_CLIENT_ID"),
            oidc_scope=given.text("OIDC_SCOPE") or "openid profile",
            allowed_origins=given.origins("ALLOWED_ORIGINS"),
            private_networks=given.networks("PRIVATE_NETWORKS"),
            partitions=given.number("PARTITIONS", 1, 4096),
            confirm_replicas=given.number("CONFIRM_REPLICAS", 0, 9) or 0,
            confirm_on=given.choice("CONFIRM_ON", ("memory", "disk"), "memory"),
            keep=given.kept("KEEP"),
            scoring_shard=given.shard("SCORING_SHARD"),
            log_level=given.choice("LOG_LEVEL", LOG_LEVELS, "info"),
        )
        if given.faults:
            raise BadSetup(given.faults)
        return found


class _Given:
    """Variables as they are asked for; what is wrong with them is collected."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.faults: list[str] = []

    def text(self, name: str) -> str | None:
        return self._variables.get(_PREFIX + name) or None

    def number(self, name: str, low: int, high: int) -> int | None:
        text = self.text(name)
        if text is None:
            return None
        if text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high:
            return int(text)
        hint = ""
        if text.startswith("tcp://"):  # Kubernetes, for a Service of the name "strainwatch"
            hint = " (set by Kubernetes for a Service; write `enableServiceLinks: false` into the pod's spec)"
        self.faults.append(f"{_PREFIX}{name}: must be a whole number from {low} to {high}, is {text!r}{hint}")
        return None

    def choice(self, name: str, choices: Sequence[str], absent: str) -> str:
        """One of some words."""
        text = self.text(name) or absent
        if text not in choices:
            self.faults.append(f"{_PREFIX}{name}: must be one of {', '.join(choices)}; is {text!r}")
        return text

    def kept(self, name: str) -> Retention:
        try:
            return retention_of(self.text(name) or "")
        except ValueError as fault:
            self.faults.append(f"{_PREFIX}{name}: {fault}")
            return Retention()

    def web_address(self, name: str) -> str | None:
        text = self.text(name)
        if text is None:
            return None
        try:
            url = urlsplit(text)
            good = url.scheme in ("https", "http") and bool(url.hostname) and not url.username
        except ValueError:
            good = False
        if not good:
            self.faults.append(f"{_PREFIX}{name}: must be an https:// address without a password, is {text!r}")
        return text

    def origins(self, name: str) -> tuple[str, ...]:
        found = []
        for text in (self.text(name) or "").replace(",", " ").split():
            url = urlsplit(text)
            if url.scheme in ("https", "http") and url.netloc and f"{url.scheme}://{url.netloc}" == text:
                found.append(text)
            else:
                example = "https://wallboard.example.org, without a path"
                self.faults.append(f"{_PREFIX}{name}: {text!r} is no origin; write {example}")
        return tuple(found)

    def networks(self, name: str) -> tuple[Network, ...] | None:
        text = self.text(name)
        found = []
        for part in (text or "").replace(",", " ").split():
            try:
                found.append(ip_network(part))
            except ValueError as fault:
                self.faults.append(f"{_PREFIX}{name}: {fault}; write networks such as 10.20.0.0/16,192.168.7.5")
        return None if text is None else tuple(found)

    def pairs(self, name: str, known: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for pair in (self.text(name) or "").replace(",", " ").split():
            key, is_pair, value = pair.partition("=")
            if key in known and is_pair and value:
                found[key] = value
            else:
                example = f"{known[0]}=name_of_the_claim"
                self.faults.append(f"{_PREFIX}{name}: {pair!r}; write pairs such as {example}, of {', '.join(known)}")
        return found

    def secret(self, name: str) -> str | None:
        text, path = self.text(name), self.text(f"{name}_FILE")
        if path is None:
            return text
        if text is not None:
            self.faults.append(f"{_PREFIX}{name}: given twice, here and as {_PREFIX}{name}_FILE; keep one")
            return None
        try:
            with Path(path).open("rb") as file:
                data = file.read(SECRET_BYTES_MAX + 1)
            secret = data.decode().strip()
        except (OSError, UnicodeDecodeError) as fault:
            self.faults.append(f"{_PREFIX}{name}_FILE: {path} cannot be read ({_why(fault)})")
            return None
        if not secret or len(data) > SECRET_BYTES_MAX:
            wrong = "is too long to be a secret" if secret else "is empty"
            self.faults.append(f"{_PREFIX}{name}_FILE: {path} {wrong}")
            return None
        return secret

    def secret_bytes(self, name: str) -> bytes | None:
        secret = self.secret(name)
        return None if secret is None else secret.encode()

    def shard(self, name: str) -> tuple[int, int] | None:
        text = self.text(name)
        if text is None:
            return 0, 1
        if text == "standby":
            return None
        of_ordinal = _OF_ORDINAL.fullmatch(text)
        if of_ordinal is not None:
            return self._shard_of_host(name, int(of_ordinal[1]))
        parts = _SHARD.fullmatch(text)
        if parts is not None:
            index, count = int(parts[1]), int(parts[2])
            if index < count:
                return index, count
        self.faults.append(
            f"{_PREFIX}{name}: must be i/N with i from 0 to N-1, such as 0/2, or ordinal/N, or standby; is {text!r}"
        )
        return 0, 1

    def _shard_of_host(self, name: str, count: int) -> tuple[int, int]:
        """The number at the end of the host's name, as a StatefulSet gives it, counts round the N shards: of 2 x N pods
        the second half stands by for the first."""
        host = self._variables.get("HOSTNAME", "")
        found = _ORDINAL.search(host)
        if found is None or count == 0:
            wrong = f"HOSTNAME {host!r} does not end in -<number>" if count else "N must be at least 1"
            self.faults.append(f"{_PREFIX}{name}: ordinal/N is for pods of a StatefulSet; {wrong}; give i/N instead")
            return 0, 1
        return int(found[1]) % count, count


def _why(fault: OSError | UnicodeDecodeError) -> str:
    return fault.strerror or str(fault) if isinstance(fault, OSError) else "not text"
