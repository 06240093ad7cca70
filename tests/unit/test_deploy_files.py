"""Files of deploy/ that can be judged without a container engine: the schema, and promises of the compose file."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tools.doctor.store import CHECKPOINT_AGE_S_MAX, FULL_SHARE

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
SERVICES = ("ingest", "scoring-0", "scoring-1", "scoring-standby", "notify")


FILES = (DEPLOY / "compose.yaml", DEPLOY / "compose.observability.yaml")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """Both files as one, as Compose reads them."""
    both: dict[str, Any] = {}
    for file in FILES:
        for key, table in YAML(typ="safe").load(file).items():
            both.setdefault(key, {}).update(table)
    return both


def test_the_compose_files_are_by_the_compose_specification() -> None:
    """The schema is that of the specification, as check-jsonschema brings it: what the current plugin takes."""
    checker = Path(sys.executable).with_name("check-jsonschema")
    done = subprocess.run([checker, "--builtin-schema", "vendor.compose-spec", *FILES], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_has_no_key_that_compose_1_29_does_not_take(compose: dict[str, Any]) -> None:
    assert {key for key in compose if not key.startswith("x-")} == {"services", "networks", "volumes", "secrets"}
    newer = {"start_interval", "develop", "attach", "post_start", "pre_stop", "models", "provider"}
    for service in compose["services"].values():
        assert not newer & {*service, *service.get("healthcheck", {})}


def test_every_container_is_confined(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "logging" in service, name
        if name.endswith("-data"):  # says whose a folder is, and ends
            assert service["network_mode"] == "none"
            assert set(service["cap_add"]) == {"CHOWN", "DAC_READ_SEARCH"}
        else:
            assert not service.get("cap_add"), name
            assert service["mem_limit"], name


def test_a_service_gets_the_secrets_it_needs_and_no_others(compose: dict[str, Any]) -> None:
    secrets = {name: set(compose["services"][name].get("secrets", ())) for name in ("valkey", *SERVICES)}
    assert secrets["valkey"] == {"valkey.acl"}
    assert secrets["ingest"] == {"ingest-redis-url", "caller-secret"}
    assert secrets["notify"] == {"notify-redis-url", "jwt-secret"}
    for name in ("scoring-0", "scoring-1", "scoring-standby"):
        assert secrets[name] == {"scoring-redis-url"}
    for name, service in compose["services"].items():
        told = {value.removeprefix("/run/secrets/") for value in service.get("environment", {}).values()}
        assert {value for value in told if value in compose["secrets"]} <= set(service.get("secrets", ())), name


def test_only_doors_are_published_and_only_on_this_machine(compose: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert set(published) == {"ingest", "notify", "prometheus", "alertmanager", "grafana"}
    bind = ("${STRAINWATCH_BIND:-127.0.0.1}:", "${STRAINWATCH_OBSERVABILITY_BIND:-127.0.0.1}:")
    assert all(port.startswith(bind) for ports in published.values() for port in ports)
    assert compose["networks"]["store"]["internal"]
    assert compose["services"]["valkey"]["networks"] == ["store"]


def test_every_profile_stands_by_itself(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for profile in ("core", "demo", "observability"):
        on = {name for name, service in services.items() if profile in service["profiles"]}
        assert {"valkey", *SERVICES} <= on
        for name in on:
            assert set(services[name].get("depends_on", ())) <= on


def test_the_shards_and_the_standby_cover_every_partition(compose: dict[str, Any]) -> None:
    shards = [compose["services"][name]["environment"]["STRAINWATCH_SCORING_SHARD"] for name in SERVICES[1:4]]
    assert shards == ["0/2", "1/2", "standby"]


@pytest.fixture
def stack(tmp_path: Path) -> Callable[..., str]:
    """`deploy/stack` in a folder of its own, as far as it needs no engine."""
    folder = tmp_path / "deploy"
    (folder / "valkey").mkdir(parents=True)
    shutil.copy(DEPLOY / "stack", folder)
    shutil.copy(DEPLOY / "valkey" / "users.acl", folder / "valkey")

    def run(*arguments: str) -> str:
        environment = {"PATH": os.environ["PATH"]}
        done = subprocess.run([folder / "stack", *arguments], capture_output=True, text=True, env=environment)
        return done.stdout + done.stderr

    return run


def hashes(acl: str, user: str) -> list[str]:
    [line] = [line for line in acl.splitlines() if line.startswith(f"user {user} ")]
    return re.findall(r"#([0-9a-f]{64})", line)


def test_the_store_keeps_every_password_that_may_be_in_use_and_gets_the_rules_of_the_newest_version(
    stack: Callable[..., str], tmp_path: Path
) -> None:
    secrets, template = tmp_path / "deploy" / "secrets", tmp_path / "deploy" / "valkey" / "users.acl"
    assert stack("secrets") == ""
    first = (secrets / "valkey.acl").read_text()
    address = (secrets / "notify-redis-url").read_text()
    password = re.search(r"//notify:(\w+)@", address)
    assert password is not None
    assert hashes(first, "notify") == [sha256(password[1].encode()).hexdigest()]
    stack("secrets")
    assert (secrets / "valkey.acl").read_text() == first

    # New passwords broke off here: the services go on with the old ones.
    (secrets / "notify-redis-url").write_text(address.replace(password[1], "new"))
    template.write_text(template.read_text().replace(" %R~sw:revocations", " %R~sw:revocations %R~sw:more"))
    stack("secrets")
    second = (secrets / "valkey.acl").read_text()
    assert hashes(second, "notify") == [sha256(b"new").hexdigest(), *hashes(first, "notify")]
    assert hashes(second, "ingest") == hashes(first, "ingest")
    assert "%R~sw:more" in second


@pytest.mark.parametrize("line", ["{}", '"{}"', "'{}'", "{}\r"])
def test_the_file_of_variables_is_read_as_compose_reads_it(
    stack: Callable[..., str], tmp_path: Path, line: str
) -> None:
    (tmp_path / "deploy" / ".env").write_text("A1_B=x\nSTRAINWATCH_SECRETS=" + line.format(tmp_path / "my secrets"))
    stack("secrets")
    assert (tmp_path / "my secrets" / "valkey.acl").exists()


def test_every_command_that_is_told_of_is_there(stack: Callable[..., str]) -> None:
    known = set(re.findall(r"^  deploy/stack ([a-z-]+)", stack(), re.MULTILINE))
    texts = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    told = {command for text in texts for command in re.findall(r"deploy/stack ([a-z-]+)", text.read_text())}
    assert {"up", "store"} < known
    assert told <= known


def test_the_doctor_and_the_alerts_have_the_same_limits() -> None:
    rules = (DEPLOY / "prometheus" / "rules.yml").read_text()
    assert f"strainwatch_scoring_checkpoint_age_seconds) > {CHECKPOINT_AGE_S_MAX:g}\n" in rules
    assert f"(strainwatch_store_memory_limit_bytes > 0)) > {FULL_SHARE:g}\n" in rules


def test_the_image_is_built_with_the_uv_of_the_makefile() -> None:
    makefile = re.search(r"^UV := (uv==\S+)$", (ROOT / "Makefile").read_text(), re.M)
    assert makefile is not None
    assert re.findall(r"^uv==\S+", (DEPLOY / "uv.txt").read_text(), re.M) == [makefile[1]]


def test_the_build_sees_nothing_that_could_be_a_secret() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert next(line for line in lines if line and not line.startswith("#")) == "*"
    let_in = {line[1:] for line in lines if line.startswith("!")}
    assert let_in == {
        *("LICENSE", "README.md", "deploy/uv.txt", "hatch_build.py", "pyproject.toml", "uv.lock"),
        *("services", "shared", "tools"),
    }
