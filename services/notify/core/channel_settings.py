"""The channels file, checked: every fault is named with its place and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, time, tzinfo
from typing import Any, Literal
from urllib.parse import urlsplit

from services.notify.core.retries import GIVE_UP_AFTER_S
from services.notify.core.routing import ANY, LANGUAGES, PHASES_DEFAULT, QuietHours, Route
from shared.contract.alerts import ALERT_KINDS, PHASES, SEVERITIES

CHANNELS_MAX = 100
"""Each is a place in the outbox of every partition."""
SECRETS_MAX = 5
"""Two at a rotation; more are a mistake."""
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)
"""It stands in keys of the store and in metrics."""
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_CHANNEL_KEYS = {"type", "url", "url_file", "secret", "secret_file", "allow_private", "give_up_after_s"}
_ROUTE_KEYS = {
    "channel", "tenants", "teams", "kinds", "severity_min", "phases", "quiet_hours", "language", "timezone",
}  # fmt: skip
_QUIET_KEYS = {"from", "to", "zone", "except"}
_PHASES = tuple(phase for phase in PHASES if phase != "suppressed")

ReadFile = Callable[[str], str]
"""A secret from a file. Raises ValueError, saying what is wrong with the file."""
FindZone = Callable[[str], tzinfo]
"""A zone by its name. Raises ValueError."""
CheckSecret = Callable[[str], str | None]
"""What is wrong with the secret of a webhook, or None."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One way out. Its URL and secrets never show."""

    name: str
    type: Literal["apprise", "webhook"]
    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    allow_private: bool = False
    give_up_after_s: int = GIVE_UP_AFTER_S
    routes: tuple[Route, ...] = ()


class _Reader:
    """Takes values out of tables and collects what is wrong with them."""

    def __init__(self, read_file: ReadFile, find_zone: FindZone, check_secret: CheckSecret) -> None:
        self.faults: list[str] = []
        self.read_file, self.find_zone, self.check_secret = read_file, find_zone, check_secret

    def table(self, value: Any, place: str, known: set[str]) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            self.faults.append(f"{place}: must be a table")
            return {}
        for key in sorted(value.keys() - known):
            self.faults.append(f"{place}.{key}: is not known; keys are {', '.join(sorted(known))}")
        return value

    def words(self, table: Mapping[str, Any], place: str, key: str, known: tuple[str, ...] | None) -> frozenset[str]:
        """A list of words, none for absent; `*` alone is every one."""
        value = table.get(key)
        if value is None or value == "*":
            return frozenset()
        if not isinstance(value, list) or not value or not all(isinstance(v, str) and v for v in value):
            self.faults.append(f'{place}.{key}: must be a list of names, or "*"')
            return frozenset()
        if known is not None and (strange := [v for v in value if v not in known]):
            self.faults.append(f"{place}.{key}: {', '.join(map(repr, strange))}: known are {', '.join(known)}")
        return frozenset(value)

    def word(self, table: Mapping[str, Any], place: str, key: str, known: tuple[str, ...], default: str) -> str:
        value = table.get(key, default)
        if value in known:
            return str(value)
        self.faults.append(f"{place}.{key}: must be one of {', '.join(known)}; is {value!r}")
        return default

    def hidden(self, table: Mapping[str, Any], place: str, key: str) -> list[str]:
        """What stands under a key or, line by line, in the file under `<key>_file`. Never repeated in a fault."""
        given, path = table.get(key), table.get(f"{key}_file")
        if given is not None and path is not None:
            self.faults.append(f"{place}: has both {key} and {key}_file; keep one")
            return []
        if path is not None:
            if not isinstance(path, str):
                self.faults.append(f"{place}.{key}_file: must be a path")
                return []
            try:
                return [line.strip() for line in self.read_file(path).splitlines() if line.strip()]
            except ValueError as fault:
                self.faults.append(f"{place}.{key}_file: {fault}")
                return []
        if given is None:
            return []
        values = given if isinstance(given, list) else [given]
        if not all(isinstance(value, str) and value for value in values):
            self.faults.append(f"{place}.{key}: must be text")
            return []
        return values

    def channel(self, name: str, value: Any) -> Channel | None:
        place, before = f"channels.{name}", len(self.faults)
        if not NAME.fullmatch(name):
            self.faults.append(f"{place}: a name has up to 40 small letters, digits, - and _")
        table = self.table(value, place, _CHANNEL_KEYS)
        kind = table.get("type")
        if kind not in ("apprise", "webhook"):
            self.faults.append(f'{place}.type: must be "apprise" or "webhook"; is {kind!r}')
        private = table.get("allow_private", False)
        if not isinstance(private, bool):
            self.faults.append(f"{place}.allow_private: must be true or false")
        give_up_s = table.get("give_up_after_s", GIVE_UP_AFTER_S)
        if not isinstance(give_up_s, int) or isinstance(give_up_s, bool) or not 60 <= give_up_s <= 7 * GIVE_UP_AFTER_S:
            self.faults.append(f"{place}.give_up_after_s: must be from 60 to {7 * GIVE_UP_AFTER_S} (a week)")
        urls = self.hidden(table, place, "url")
        secrets = self.hidden(table, place, "secret")
        if len(self.faults) == before:
            self._together(place, str(kind), urls, secrets, private)
        if len(self.faults) > before:
            return None
        return Channel(name, kind, urls[0], tuple(secrets), private, give_up_s)  # type: ignore[arg-type]

    def _together(self, place: str, kind: str, urls: list[str], secrets: list[str], private: bool) -> None:
        if len(urls) != 1:
            self.faults.append(f"{place}: needs one url (or url_file with one line)")
        elif (wrong := _url_fault(urls[0], kind, private)) is not None:
            self.faults.append(f"{place}.url: {wrong}")
        if kind == "apprise" and secrets:
            self.faults.append(f"{place}.secret: is for webhooks; with Apprise all that is secret stands in the url")
        if kind == "webhook":
            if not 1 <= len(secrets) <= SECRETS_MAX:
                self.faults.append(
                    f"{place}: needs a secret (or secret_file), at a rotation a list of up to {SECRETS_MAX}; "
                    "make one with `strainwatch channels secret`"
                )
            self.faults += [f"{place}.secret: {wrong}" for s in secrets if (wrong := self.check_secret(s)) is not None]

    def route(self, place: str, value: Any, channels: Mapping[str, Any]) -> Route:
        table = self.table(value, place, _ROUTE_KEYS)
        channel = table.get("channel")
        if not isinstance(channel, str) or channel not in channels:
            names = ", ".join(sorted(channels)) or "none yet"
            self.faults.append(f"{place}.channel: must name one of [channels.*] ({names}); is {channel!r}")
        return Route(
            place=place,
            channel=str(channel),
            tenants=self.words(table, place, "tenants", None) or ANY,
            teams=self.words(table, place, "teams", None) or ANY,
            kinds=self.words(table, place, "kinds", ALERT_KINDS),
            severity_min=self.word(table, place, "severity_min", SEVERITIES, "notice"),
            phases=self.words(table, place, "phases", _PHASES)
            or (frozenset(_PHASES) if table.get("phases") == "*" else PHASES_DEFAULT),
            quiet_hours=self.quiet(f"{place}.quiet_hours", table["quiet_hours"]) if "quiet_hours" in table else None,
            language=self.word(table, place, "language", LANGUAGES, "en"),  # type: ignore[arg-type]
            zone=self.zone(table, place, "timezone") if "timezone" in table else UTC,
        )

    def quiet(self, place: str, value: Any) -> QuietHours | None:
        before, table = len(self.faults), self.table(value, place, _QUIET_KEYS)
        hours: list[time] = []
        for key in ("from", "to"):
            found = table.get(key)
            if isinstance(found, time) and found.tzinfo is None:  # TOML has times of its own
                hours.append(found)
            elif isinstance(found, str) and (parts := _CLOCK.fullmatch(found)):
                hours.append(time(int(parts[1]), int(parts[2])))
            else:
                self.faults.append(f'{place}.{key}: must be a time of day such as "22:00"')
        if len(hours) == 2 and hours[0] == hours[1]:
            self.faults.append(f"{place}: from and to are the same; to be quiet all day, take the route out")
        zone = self.zone(table, place, "zone")
        but = self.word(table, place, "except", (*SEVERITIES, "none"), "critical")
        if len(self.faults) > before:
            return None
        return QuietHours(hours[0], hours[1], zone, None if but == "none" else but)

    def zone(self, table: Mapping[str, Any], place: str, key: str) -> tzinfo:
        name = table.get(key)
        if not isinstance(name, str):
            self.faults.append(f'{place}.{key}: must be an IANA name such as "Europe/Madrid"')
            return UTC
        try:
            return self.find_zone(name)
        except ValueError as fault:
            self.faults.append(f"{place}.{key}: {fault}")
            return UTC


def read_channels(
    document: Mapping[str, Any], *, read_file: ReadFile, find_zone: FindZone, check_secret: CheckSecret
) -> tuple[list[Channel], list[str]]:
    """The channels of a TOML document with their routes, in the order of the file, and all that is wrong with it."""
    reader = _Reader(read_file, find_zone, check_secret)
    for key in sorted(document.keys() - {"channels", "routes"}):
        reader.faults.append(f"{key}: is not known; the file has [channels.<name>] and [[routes]]")
    tables = reader.table(document.get("channels", {}), "channels", set(document.get("channels", {})))
    if len(tables) > CHANNELS_MAX:
        reader.faults.append(f"channels: {len(tables)} of them; at most {CHANNELS_MAX}")
    channels = [reader.channel(name, value) for name, value in tables.items()]
    given = document.get("routes", [])
    if not isinstance(given, list):
        reader.faults.append("routes: must be written as [[routes]]")
        given = []
    routes = [reader.route(f"routes[{n}]", value, tables) for n, value in enumerate(given)]
    used = {route.channel for route in routes}
    reader.faults += [f"channels.{name}: no route leads there; add [[routes]]" for name in tables if name not in used]
    found = [channel for channel in channels if channel is not None]
    return [_with_routes(channel, routes) for channel in found], reader.faults


def _with_routes(channel: Channel, routes: list[Route]) -> Channel:
    own = tuple(route for route in routes if route.channel == channel.name)
    return Channel(
        channel.name, channel.type, channel.url, channel.secrets, channel.allow_private, channel.give_up_after_s, own
    )


def _url_fault(url: str, kind: str, private: bool) -> str | None:
    """What is wrong with a URL; it may hold a secret, so it is not repeated."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "is not a URL"
    if kind == "apprise":
        return None if "://" in url else "must be an Apprise URL such as slack://... or mailto://..."
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "must be an address such as https://example.org/hooks/strainwatch"
    if parts.username or parts.password:
        return "may not hold a user or password; what proves the sender is the signature"
    if parts.scheme == "http" and not private:
        return "must be https (http only with allow_private = true, inside your own network)"
    return None
