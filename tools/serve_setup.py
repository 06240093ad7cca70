"""What a command needs to know before it starts: environment, settings file, secrets. All faults come at once."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from shared.access import SECRET_BYTES_MIN, ApiKey
from shared.contract.entries import Settings
from shared.redis_address import parse_address
from shared.settings import BadSetup, Environment, read_settings
from tools.ports import PORTS, Which

if TYPE_CHECKING:
    from services.notify.core.channel_settings import Channel

_SECRETS: dict[str, tuple[str, tuple[Which, ...]]] = {
    "JWT_SECRET": ("jwt-secret", ("all", "notify")),
    "CALLER_SECRET": ("caller-secret", ("all", "ingest")),
}
"""Variable -> its file in the data folder, and the services that cannot be without."""


@dataclass(frozen=True, slots=True)
class Setup:
    """A checked setup of `serve`."""

    which: Which
    environment: Environment
    host: str
    port: int
    settings: Settings | None
    jwt_secret: bytes = field(repr=False)
    caller_secret: bytes = field(repr=False)
    channels: tuple[Channel, ...] = ()
    """Outgoing channels, where notify runs here."""
    public_url: str | None = None
    """Where people find the page; it stands in messages."""
    own_keys: tuple[ApiKey, ...] = ()
    """API keys that are good in this process only."""

    @property
    def lateness_s(self) -> int:
        """How old an event may be before it counts as late."""
        from services.scoring.core.parameters import LATENESS_S

        document = self.settings.document if self.settings is not None else {}
        return int(document.get("lateness_s", LATENESS_S.default))

    def zone_of(self, tenant: str) -> str | None:
        """The time zone that the settings name for a tenant."""
        document = self.settings.document if self.settings is not None else {}
        zone = document.get("tenants", {}).get(tenant, {}).get("timezone") or document.get("timezone")
        return zone if isinstance(zone, str) else None


def read_setup(
    variables: Mapping[str, str],
    *,
    now_ms: int,
    which: Which = "all",
    settings: Path | None = None,
    host: str | None = None,
    port: int | None = None,
    channels: Path | None = None,
) -> Setup:
    """The setup of `serve`; what is given here goes before the environment. Raises BadSetup with every fault."""
    faults: list[str] = []
    environment = Environment()
    kept = {"JWT_SECRET": b"", "CALLER_SECRET": b""}
    try:
        environment = Environment.read(variables)
    except BadSetup as bad:
        faults += bad.faults
    else:
        faults += _address_faults(environment)
        faults += _issuer_faults(environment)
        faults += _secret_faults(environment, which, kept)
    path = settings or (Path(given) if (given := variables.get("STRAINWATCH_SETTINGS")) else None)
    document = None
    if path is not None:
        from services.scoring.core.parameters import check_settings  # here, for commands that only want a secret

        try:
            document = read_settings(path, check=check_settings, now_ms=now_ms)
        except BadSetup as bad:
            faults += bad.faults
    ways: list[Channel] = []
    channels = channels or (Path(given) if (given := variables.get("STRAINWATCH_CHANNELS")) else None)
    if channels is not None and which in ("all", "notify"):
        try:
            ways = read_channels(channels)
        except BadSetup as bad:
            faults += bad.faults
    public_url, url_faults = read_public_url(variables)
    faults += url_faults
    if faults:
        raise BadSetup(faults)
    return Setup(
        which=which,
        environment=replace(environment, settings=path),
        host=host or environment.host,
        port=port if port is not None else environment.port if environment.port is not None else PORTS[which],
        settings=document,
        jwt_secret=kept["JWT_SECRET"],
        caller_secret=kept["CALLER_SECRET"],
        channels=tuple(ways),
        public_url=public_url,
    )


def read_channels(path: Path) -> list[Channel]:
    """The channels file, whole and with what it needs installed. Raises BadSetup."""
    from services.notify.channels.file import read_channels_file  # here, for commands that only want a secret
    from services.notify.channels.service import faults_of

    channels = read_channels_file(path)
    if faults := faults_of(channels):
        raise BadSetup([f"channels file {path}: {fault}" for fault in faults])
    return channels


def read_public_url(variables: Mapping[str, str]) -> tuple[str | None, list[str]]:
    """`STRAINWATCH_PUBLIC_URL`, or None, and what is wrong with it."""
    url = variables.get("STRAINWATCH_PUBLIC_URL") or None
    if url is not None and not url.startswith(("http://", "https://")):
        wrong = "STRAINWATCH_PUBLIC_URL: must be the page's address, such as https://strainwatch.example.org/"
        return None, [f"{wrong}; is {url!r}"]
    return url, []


def secret(environment: Environment, name: str) -> bytes:
    """`JWT_SECRET` or `CALLER_SECRET`: the given one, else the one of the data folder, made at its first use.

    With a store of one's own nothing is made: processes on several machines would each make another. Raises BadSetup.
    """
    given = environment.jwt_secret if name == "JWT_SECRET" else environment.caller_secret
    if given is None:
        if environment.redis_url is not None:
            raise BadSetup(
                [
                    f"STRAINWATCH_{name}: is needed together with STRAINWATCH_REDIS_URL, the same for every process; "
                    f"make one with `openssl rand -hex 32` and give it here or as a file in STRAINWATCH_{name}_FILE"
                ]
            )
        given = _own_secret(environment.data_dir / _SECRETS[name][0])
    if len(given) < SECRET_BYTES_MIN:
        raise BadSetup([f"STRAINWATCH_{name}: has {len(given)} bytes; give at least {SECRET_BYTES_MIN} random ones"])
    return given


def _own_secret(path: Path) -> bytes:
    """The secret in a file that only its owner may read; two processes that make it at once agree on one."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
        if not path.exists():
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(secrets.token_hex(32))
            try:
                os.link(draft, path)  # fails when the other was faster: its secret holds
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return path.read_bytes().strip()
    except OSError as fault:
        raise BadSetup(
            [f"STRAINWATCH_DATA_DIR: the secret {path} cannot be kept ({fault.strerror}); choose another folder"]
        ) from None


def _secret_faults(environment: Environment, which: Which, kept: dict[str, bytes]) -> list[str]:
    faults: list[str] = []
    for name, (_, needed_by) in _SECRETS.items():
        if (
            name == "JWT_SECRET"
            and environment.jwt_jwks_url
            and environment.jwt_secret is None
            and environment.redis_url
        ):
            continue  # people come by their issuer only
        if which in needed_by:
            try:
                kept[name] = secret(environment, name)
            except BadSetup as bad:
                faults += bad.faults
    return faults


def _issuer_faults(environment: Environment) -> list[str]:
    """Keys without a name and an audience would let in whoever the same issuer signs in for somebody else."""
    given, faults = environment, []
    if given.jwt_jwks_url is not None:
        if given.jwt_issuer is None:
            faults.append("STRAINWATCH_JWT_ISSUER: is needed with STRAINWATCH_JWT_JWKS_URL; it is what `iss` must be")
        if given.jwt_audience is None and given.oidc_client_id is None:
            faults.append(
                "STRAINWATCH_JWT_AUDIENCE: is needed with STRAINWATCH_JWT_JWKS_URL, or STRAINWATCH_OIDC_CLIENT_ID: "
                "one of them must be in `aud`"
            )
    elif given.oidc_client_id is not None or given.jwt_issuer is not None:
        faults.append("STRAINWATCH_JWT_JWKS_URL: is needed to verify the tokens of that issuer (its `jwks_uri`)")
    return faults


def _address_faults(environment: Environment) -> list[str]:
    if environment.redis_url is None:
        if environment.confirm_replicas:
            return ["STRAINWATCH_CONFIRM_REPLICAS: needs STRAINWATCH_REDIS_URL; the server of our own has no replicas"]
        return []
    try:
        parse_address(environment.redis_url)
    except ValueError as fault:
        return [str(fault)]
    return []
