"""What operators do later: back up and restore, change passwords and keys, upgrade from an older version."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from house import FIGURES, IMAGE, ROOT, STACK, Day, House, Load, docker, eventually, get, observed, run, standing


def test_a_backup_taken_under_load_restores_all_that_was_confirmed_before_it(house: House, tmp_path: Path) -> None:
    key = house.key()
    with Load(house, key) as load:
        eventually(lambda: len(load.accepted) >= 50, "events to go in")
        before = list(load.accepted)
        house.stack("backup", str(tmp_path / "backup.tar"))
    with tarfile.open(tmp_path / "backup.tar") as saved:
        names = saved.getnames()
    assert "valkey.tar" in names
    assert "secrets/caller-secret" in names
    assert (tmp_path / "backup.tar").stat().st_mode & 0o077 == 0

    refused = subprocess.run(
        [STACK, "restore", tmp_path / "backup.tar"],
        env={**os.environ, **house.variables},
        capture_output=True,
        text=True,
    )
    assert refused.returncode == 1
    assert "it runs" in refused.stderr
    # Another machine: no log, no secrets.
    house.stack("down")
    docker("volume", "rm", f"{house.project}_valkey-data")
    for secret in (house.folder / "secrets").iterdir():
        secret.unlink()
    (house.folder / "secrets").rmdir()
    house.stack("restore", str(tmp_path / "backup.tar"))
    house.stack("up")

    assert set(before) <= set(Day.of(house).ids())
    status, _ = eventually(
        lambda: (answer := house.post(key, [observed("after", 1)]))[0] == 202 and answer, "the old key"
    )
    assert status == 202


def broken_off(house: House, folder: Path) -> None:
    """New passwords, where Compose fails when it comes to notify: two services have theirs, the others the old ones."""
    compose = shutil.which("docker-compose")
    shim = folder / "docker-compose"
    shim.write_text(f'#!/bin/sh\ncase "$*" in *"restart notify") exit 1;; esac\nexec {compose} "$@"\n')
    shim.chmod(0o755)
    run(STACK, "rotate-store", **house.variables, PATH=f"{folder}:{os.environ['PATH']}")


def test_new_store_passwords_stop_nobody_and_end_the_old_ones(house: House, tmp_path: Path) -> None:
    key = house.key()
    old = (house.folder / "secrets" / "ingest-redis-url").read_text().split("@")[0].rpartition(":")[2]
    with Load(house, key) as load:
        eventually(lambda: load.accepted, "events to go in")
        with pytest.raises(AssertionError, match="rotate-store ended with"):
            broken_off(house, tmp_path)
        house.stack("rotate-store")
        count = len(load.accepted)
        eventually(lambda: len(load.accepted) > count, "events to go in with the new passwords")
    assert not load.refused
    there = house.container("valkey")
    ask = ("valkey-cli", "--user", "ingest", "HGET", "sw:meta", "partitions")
    asked = docker("exec", "-e", f"REDISCLI_AUTH={old}", there, *ask, check=False)
    assert "NOPERM" in asked  # whom nobody knows may only PING
    assert set(load.accepted) <= set(Day.of(house).ids())


def test_an_api_key_is_exchanged_without_a_gap(house: House) -> None:
    old = house.key()
    eventually(lambda: house.post(old, [observed("keys", 1)])[0] == 202, "the first key to be good")
    new = house.key()
    eventually(lambda: house.post(new, [observed("keys", 1)])[0] == 202, "the second key to be good")
    assert house.post(old, [observed("keys", 1)])[0] == 202
    house.cli("keys", "revoke", old.split("_")[1])
    eventually(lambda: house.post(old, [observed("keys", 1)])[0] == 401, "the first key to be refused")
    assert house.post(new, [observed("keys", 1)])[0] == 202


def test_a_newer_version_tells_the_store_what_its_services_may(house: House) -> None:
    file = house.folder / "secrets" / "valkey.acl"
    file.write_text(file.read_text().replace(" %R~sw:{*}:signals", ""))  # as a version wrote it that had none
    house.stack("store", "ACL", "LOAD")
    assert "signals" not in house.stack("store", "ACL", "GETUSER", "notify")
    house.stack("up")
    assert "%R~sw:{*}:signals" in house.stack("store", "ACL", "GETUSER", "notify")


def test_the_doctor_finds_no_fault(house: House) -> None:
    findings = json.loads(house.cli("doctor", "--json"))["findings"]
    assert not [finding for finding in findings if finding["verdict"] == "fault"]


@pytest.fixture
def older(image: str, tmp_path: Path) -> str:
    """The image of the version before, really built from it: its tag is the commit, and who asks again gets the same.

    Before means the newest tag; while there is none, the commit before the one that changed a service last.
    STRAINWATCH_PREVIOUS may name another commit, or an image.
    """
    named = os.environ.get("STRAINWATCH_PREVIOUS", "")
    if named and docker("images", "-q", named):
        FIGURES.append(f"upgraded from the image {named}")
        return named
    commit = git("rev-parse", "--verify", "--quiet", f"{named or before()}^{{commit}}")
    if not commit:
        pytest.skip(
            f"nothing to upgrade from: this clone has {git('rev-list', '--count', 'HEAD') or 'no'} commit(s), none of"
            " them older with a service changed since; STRAINWATCH_PREVIOUS may name a commit or an image"
        )
    since = git("diff", "--shortstat", commit, "--", "services", "shared", "tools") or "nothing of ours changed"
    FIGURES.append(f"upgraded from {git('log', '-1', '--format=%h of %cs', commit)}; since then {since}")
    name = f"strainwatch:{commit[:12]}"
    if not docker("images", "-q", name):
        tree = tmp_path / "older"
        tree.mkdir()
        # With the modes of a checkout: by them, too, a build knows what it has built before.
        run("git", "-c", "tar.umask=0022", "archive", "--output", tmp_path / "older.tar", commit)
        run("tar", "-xf", tmp_path / "older.tar", "-C", tree)
        run("docker", "build", "--network", "host", "-f", tree / "deploy/Dockerfile", "-t", name, tree)
    return name


def before() -> str:
    """What was in use before this tree; empty where the clone does not reach so far."""
    tag = git("describe", "--tags", "--abbrev=0", "HEAD^")
    if tag:
        return tag
    changed = git("rev-list", "-1", "--first-parent", "HEAD", "--", "services", "shared")
    return git("rev-parse", "--verify", "--quiet", f"{changed}^") if changed else ""


def git(*arguments: str) -> str:
    """What git says; nothing when it knows no such commit, or there is no clone at all."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def test_an_upgrade_goes_on_from_the_older_version_with_all_its_data(older: str, tmp_path: Path) -> None:
    with standing(House(tmp_path, image=older)) as house:
        key = house.key()
        eventually(lambda: house.post(key, [observed("old", 40)])[0] == 202, "the old version to take events")
        accepted = []
        for number in range(20):
            batch = [observed(f"old-{number % 4}", 40) for _ in range(5)]
            assert house.post(key, batch)[0] == 202
            accepted += [event["id"] for event in batch]
        day = Day.of(house)
        changes = day.changes()
        assert changes
        engines = {json.loads(line)["fields"]["e"] for line in day.events if b'"e"' in line}

        house.image = IMAGE  # SIGTERM writes the old version's checkpoints; the new one restores them
        with Load(house, key) as load:
            house.stack("up")
            eventually(lambda: load.accepted, "the new version to take events")
        after = Day.of(house)

        assert set(accepted) | set(load.accepted) <= set(after.ids())
        # What was concluded stays as it was, byte for byte, and the live alerts go on under their ids.
        assert after.changes()[: len(changes)] == changes
        now = {json.loads(line)["fields"]["e"] for line in after.events if b'"e"' in line}
        assert now >= engines
        live = get(house.notify_port, "/v1/alerts?limit=100", Authorization=f"Bearer {house.token()}")["alerts"]
        old_ids = {json.loads(change)["id"] for change in changes}
        assert old_ids & {alert["id"] for alert in live}
        assert not [line for line in said_by_scorers(house) if "cannot be read" in line or "entries were lost" in line]


def said_by_scorers(house: House) -> list[str]:
    """What the scorers said since they were started."""
    lines = []
    for service in ("scoring-0", "scoring-1", "scoring-standby"):
        done = subprocess.run(["docker", "logs", house.container(service)], capture_output=True, text=True)
        lines += (done.stdout + done.stderr).splitlines()
    return lines
