"""What can be seen without the log store: the setup, this process and its machine, files and their rights."""

from __future__ import annotations

import importlib.util
import os
import resource
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from shared.contract.entries import Settings
from shared.settings import BadSetup, Environment, read_settings
from tools.doctor.findings import Finding, fault, ok, warning

OPEN_FILES_MIN = 4096
"""A page is a connection and a connection is a file; with 1,024, the default of many systems, a thousand leads are the
end."""
FREE_BYTES_MIN = 2 << 30
"""A rewrite of the append-only file writes all of it once more beside the old one."""
SECRET_NAMES = ("REDIS_URL", "JWT_SECRET", "CALLER_SECRET")


def look(variables: Mapping[str, str], now_ms: int) -> tuple[list[Finding], Environment | None, Settings | None]:
    """The findings; the environment and the settings file where they can be read."""
    findings: list[Finding] = []
    environment: Environment | None = None
    settings: Settings | None = None
    try:
        environment = Environment.read(variables)
        set_here = sorted(name for name in variables if name.startswith("STRAINWATCH_"))
        findings.append(ok("environment", ", ".join(set_here) or "no STRAINWATCH_ variables; everything by default"))
    except BadSetup as bad:
        findings += [fault("environment", text, "correct this variable; see docs/settings.md") for text in bad.faults]
    if environment is not None and environment.settings is not None:
        settings, found = _settings(environment.settings, now_ms)
        findings += found
    elif environment is not None:
        findings.append(ok("settings file", "none; the built-in defaults are in force"))
    if variables.get("STRAINWATCH_CHANNELS"):
        findings += _channels(Path(variables["STRAINWATCH_CHANNELS"]))
    findings += _secrets(variables)
    if environment is not None and environment.redis_url is None:
        findings += _data_folder(environment.data_dir)
    findings += [_compiled(), _open_files()]
    return findings, environment, settings


def _settings(path: Path, now_ms: int) -> tuple[Settings | None, list[Finding]]:
    from services.scoring.core.parameters import check_settings

    try:
        settings = read_settings(path, check=check_settings, now_ms=now_ms)
    except BadSetup as bad:
        return None, [
            fault("settings file", text, "correct the file; scoring does not start with it") for text in bad.faults
        ]
    return settings, [ok("settings file", f"{path}, revision {settings.revision}")]


def _channels(path: Path) -> list[Finding]:
    from tools.serve_setup import read_channels

    try:
        channels = read_channels(path)
    except BadSetup as bad:
        return [fault("channels file", text, "correct the file; notify does not start with it") for text in bad.faults]
    found = [ok("channels file", f"{path}, {len(channels)} channels")]
    if _others_may_read(path):
        found.append(warning("channels file", f"{path} can be read by others", f"chmod 600 {path}"))
    return found


def _secrets(variables: Mapping[str, str]) -> Iterator[Finding]:
    for name in SECRET_NAMES:
        given = variables.get(f"STRAINWATCH_{name}_FILE")
        if not given:
            if variables.get(f"STRAINWATCH_{name}") and (
                name != "REDIS_URL" or "@" in variables[f"STRAINWATCH_{name}"]
            ):
                advice = f"an environment shows in process lists: name a file with it in STRAINWATCH_{name}_FILE"
                yield warning("secrets", f"STRAINWATCH_{name} stands in the environment itself", advice)
            continue
        path = Path(given)
        if not path.exists():
            continue  # told by the environment
        # A container's secrets are mounted for its one user; their folder on the host is what keeps others out.
        if _others_may_read(path) and not path.is_relative_to("/run/secrets"):
            yield warning("secrets", f"{path} can be read by others on this machine", f"chmod 600 {path}")
        else:
            yield ok("secrets", f"{path} can be read")


def _data_folder(folder: Path) -> Iterator[Finding]:
    if not folder.exists():
        yield ok("data folder", f"{folder} is not there yet; it is made at the first start")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        advice = f"give this user the folder (chown {os.getuid()} {folder}), or name another in STRAINWATCH_DATA_DIR"
        yield fault("data folder", f"{folder} cannot be written by user {os.getuid()}", advice)
        return
    foreign = [path for path in folder.rglob("*") if path.lstat().st_uid != os.getuid()]
    if foreign:
        advice = f"was something run as another user? chown -R {os.getuid()} {folder}"
        yield fault("data folder", f"{foreign[0]} belongs to user {foreign[0].lstat().st_uid}", advice)
    for secret in sorted(folder.glob("*-secret")):
        if _others_may_read(secret):
            yield warning("data folder", f"{secret} can be read by others", f"chmod 600 {secret}")
    free = shutil.disk_usage(folder).free
    if free < FREE_BYTES_MIN:
        advice = "make room: a log that cannot be written refuses events"
        yield warning("data folder", f"{free / 1e9:.1f} GB are free on the disk of {folder}", advice)
    if not foreign:
        yield ok("data folder", f"{folder}, {free / 1e9:.0f} GB free")


def _compiled() -> Finding:
    spec = importlib.util.find_spec("services.scoring.core.seconds")
    if spec is not None and spec.origin is not None and not spec.origin.endswith(".py"):
        return ok("compiled loops", "in use")
    advice = "install a C compiler and python3-dev, then `make -B setup`; or use the image, which is compiled"
    return warning("compiled loops", "not in use: the results are the same, and scoring is many times slower", advice)


def _open_files() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= OPEN_FILES_MIN:
        return ok("open files", f"up to {soft:,}" if soft != resource.RLIM_INFINITY else "without limit")
    told = f"at most {soft:,} at once (this user may raise it to {hard:,})"
    advice = (
        f"each connection takes one: ulimit -n {OPEN_FILES_MIN}, LimitNOFILE= in a systemd unit, ulimits in compose"
    )
    return warning("open files", told, advice)


def _others_may_read(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))
    except OSError:
        return False
