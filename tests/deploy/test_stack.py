"""`make up` as an operator has it: events in from outside, an alert at a lead outside, nothing lost when parts die."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from house import (
    FIGURES,
    SERVICES,
    Day,
    House,
    Load,
    Watching,
    docker,
    eventually,
    observed,
    replayed,
)

CONFINED = ("valkey", *SERVICES)


def test_events_come_in_from_outside_and_an_alert_reaches_a_lead_outside(house: House, tmp_path: Path) -> None:
    key, token = house.key(), house.token()
    with Watching(f"http://127.0.0.1:{house.notify_port}", token, tmp_path / "frames") as lead:
        status, body = house.post(key, [observed("support", 40)])
        assert (status, json.loads(body)["accepted"]) == (202, 1)

        alert = eventually(lambda: next(iter(lead.alerts()), None), "the alert at the lead's client")

    assert alert["kind"] == "queue.strain"
    assert alert["subject"] == {"type": "queue", "id": "support"}
    assert alert["tenant"] == "acme"


def test_nothing_acknowledged_is_lost_when_each_part_is_killed_under_load(house: House, tmp_path: Path) -> None:
    key, token = house.key(), house.token()
    with Watching(f"http://127.0.0.1:{house.notify_port}", token, tmp_path / "frames") as lead:
        with Load(house, key) as load:
            for service in CONFINED:
                before = len(load.accepted)
                house.kill(service)
                house.wait_ready()
                eventually(lambda before=before: len(load.accepted) > before, f"events to go in after {service} died")
        assert not load.refused
        day = Day.of(house)
        changes = day.changes()
        eventually(
            lambda: lead.alerts()[-1:] == [json.loads(changes[-1])] or None, "the last change at the lead's client"
        )
        seen = [json.dumps(alert, sort_keys=True) for alert in lead.alerts()]

    stored = day.ids()
    FIGURES.append(
        f"{len(CONFINED)} parts killed: {len(load.accepted)} events accepted and found, {load.again} sent again, "
        f"{len(changes)} alert changes told once"
    )
    assert set(load.accepted) <= set(stored)
    assert changes
    assert replayed(house.image, tmp_path / "replay", day) == changes
    # The lead joined after the first test's alert; of what came since, each change exactly once and in order.
    assert len(set(seen)) == len(seen)
    told = [json.dumps(json.loads(change), sort_keys=True) for change in changes]
    assert seen == told[-len(seen) :]


@pytest.mark.parametrize("service", CONFINED)
def test_a_container_runs_as_nobody_special_and_cannot_write(house: House, service: str) -> None:
    there = json.loads(docker("inspect", house.container(service)))[0]
    host = there["HostConfig"]

    assert there["Config"]["User"] == "10001:10001" or (
        service != "valkey" and there["Config"]["User"] == "10001:10001"
    )
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["Memory"] > 0
    assert host["NanoCpus"] > 0
    assert host["PidsLimit"] == 128
    assert not host["Privileged"]
    # What it may do in the end is what the kernel says.
    status = docker("exec", house.container(service), "cat", "/proc/1/status")
    rights = dict(line.split(":\t") for line in status.splitlines() if ":\t" in line)
    assert rights["CapEff"].strip("0") == rights["CapBnd"].strip("0") == ""
    assert rights["NoNewPrivs"] == "1"


def test_only_the_services_reach_the_store(house: House) -> None:
    assert not docker("port", house.container("valkey"), check=False)
    address = docker(
        "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}", house.container("valkey")
    )
    assert len(address.split()) == 1
    unknown = docker("exec", house.container("valkey"), "valkey-cli", "GET", "sw:meta")
    assert "NOPERM" in unknown or "NOAUTH" in unknown


def test_no_service_was_refused_anything_by_the_store(house: House) -> None:
    password = (house.folder / "secrets" / "admin-redis-url").read_text().split("@")[0].rpartition(":")[2]
    there = house.container("valkey")
    refused = docker("exec", "-e", f"REDISCLI_AUTH={password}", there, "valkey-cli", "--user", "admin", "ACL", "LOG")
    assert not [line for line in refused.split() if line in ("ingest", "scoring", "notify", "admin")], refused


def test_down_leaves_nothing_but_the_data_and_up_goes_on_with_it(house: House) -> None:
    before = house.cli("log", "export").splitlines()
    mine = ("--filter", f"label=com.docker.compose.project={house.project}")

    house.stack("down")

    assert not docker("ps", "-aq", *mine)
    assert not docker("network", "ls", "-q", *mine)
    assert docker("volume", "ls", "-q", *mine).splitlines() == [f"{house.project}_valkey-data"]
    said = house.stack("up")
    assert f"http://127.0.0.1:{house.notify_port}/#token=" in said
    assert f"curl http://127.0.0.1:{house.ingest_port}/v1/events" in said
    kept = set(before)
    # One partition after the other, each with what was there and then more.
    assert [line for line in house.cli("log", "export").splitlines() if line in kept] == before
