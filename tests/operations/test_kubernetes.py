"""The Kubernetes manifests: rendered by kubectl, valid by the API's schemas, and safe in what they ask for.

They are rendered and judged here, not run.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from shared.settings import Environment

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy/kubernetes"
WHOLE = ("base", "overlays/external-redis")
VERSIONS = ("1.25", kubernetes_validate.latest_version())
"""Of the API: the oldest that the docs promise, and the newest that is known here."""
SERVICES = {"ingest": 8081, "notify": 8082, "scoring": 8083}

pytestmark = pytest.mark.skipif(
    not shutil.which("kubectl"), reason="no kubectl here: install Debian's kubernetes-client, or any newer one"
)
each = pytest.mark.parametrize("name", WHOLE)


@cache
def rendered(name: str) -> tuple[dict[str, Any], ...]:
    done = subprocess.run(
        ["kubectl", "kustomize", str(FOLDER / name)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def of_kind(name: str, *kinds: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in rendered(name) if one["kind"] in kinds}


def pods(name: str) -> dict[str, dict[str, Any]]:
    """Templates of pods by what makes them."""
    return {made: one["spec"]["template"] for made, one in of_kind(name, "Deployment", "StatefulSet").items()}


def labels_fit(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    wanted = selector.get("matchLabels", {}).items() <= labels.items()
    return wanted and all(
        labels.get(one["key"]) in one["values"]
        for one in selector.get("matchExpressions", ())
        if one["operator"] == "In"
    )


@each
@pytest.mark.parametrize("version", VERSIONS)
def test_each_object_is_valid_by_the_schema_of_its_kind(name: str, version: str) -> None:
    assert len(rendered(name)) >= 20
    for one in rendered(name):
        kubernetes_validate.validate(one, version, strict=True)


def test_service_monitors_choose_our_services_by_a_port_that_they_have() -> None:
    services = of_kind("base", "Service")
    for one in rendered("overlays/service-monitor"):
        chosen = [
            service
            for service in services.values()
            if labels_fit(one["spec"]["selector"], service["metadata"]["labels"])
        ]
        (service,) = chosen
        assert [port["name"] for port in service["spec"]["ports"]] == [one["spec"]["endpoints"][0]["port"]]
    rules = (ROOT / "deploy/prometheus/rules.yml").read_text()
    assert set(re.findall(r'job=~"(.*?)"', rules)) == {"strainwatch.*"}


def test_the_overlay_leaves_out_the_store_and_nothing_else() -> None:
    def names(name: str) -> set[tuple[str, str]]:
        return {(one["kind"], one["metadata"]["name"]) for one in rendered(name)}

    assert names("base") - names("overlays/external-redis") == {
        ("Service", "valkey"),
        ("StatefulSet", "valkey"),
        ("ConfigMap", "valkey"),
        ("NetworkPolicy", "valkey-from-services"),
        ("NetworkPolicy", "services-to-valkey"),
    }
    assert names("overlays/external-redis") - names("base") == {("NetworkPolicy", "services-to-redis")}


@each
def test_no_pod_is_root_writes_to_its_image_or_knows_the_cluster(name: str) -> None:
    for made, template in pods(name).items():
        spec = template["spec"]
        assert spec["automountServiceAccountToken"] is False, made
        assert spec["enableServiceLinks"] is False
        of_pod = spec["securityContext"]
        assert (of_pod["runAsNonRoot"], of_pod["runAsUser"]) == (True, 10001)
        assert of_pod["seccompProfile"] == {"type": "RuntimeDefault"}
        (container,) = spec["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert "memory" in container["resources"]["limits"]
    namespace = of_kind(name, "Namespace")["strainwatch"]
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@each
def test_each_service_is_probed_where_it_answers_and_has_time_to_drain(name: str) -> None:
    for made, port in SERVICES.items():
        spec = pods(name)[made]["spec"]
        (container,) = spec["containers"]
        assert container["args"] == ["serve", made]
        assert container["ports"] == [{"name": "http", "containerPort": port}]
        paths = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("liveness", "readiness", "startup")}
        assert paths["liveness"] == paths["startup"] == {"path": "/healthz", "port": "http"}
        assert paths["readiness"] == {"path": "/readyz", "port": "http"}
        drains_s = 24 + (5 if "lifecycle" in container else 0)
        assert spec["terminationGracePeriodSeconds"] > drains_s
        assert len(spec["topologySpreadConstraints"]) == 2
    assert "lifecycle" in pods(name)["notify"]["spec"]["containers"][0]


@each
def test_everything_that_chooses_pods_finds_them(name: str) -> None:
    labels = [template["metadata"]["labels"] for template in pods(name).values()]
    for one in of_kind(name, "Deployment", "StatefulSet").values():
        assert labels_fit(one["spec"]["selector"], one["spec"]["template"]["metadata"]["labels"])
    for one in of_kind(name, "Service").values():
        assert sum(labels_fit({"matchLabels": one["spec"]["selector"]}, found) for found in labels) == 1
    for one in of_kind(name, "PodDisruptionBudget").values():
        assert sum(labels_fit(one["spec"]["selector"], found) for found in labels) == 1
        assert one["spec"]["maxUnavailable"] == 1
    assert of_kind(name, "PodDisruptionBudget").keys() == SERVICES.keys()
    for made, one in of_kind(name, "HorizontalPodAutoscaler").items():
        target = one["spec"]["scaleTargetRef"]
        assert (target["kind"], target["name"]) == ("Deployment", made)
        assert "replicas" not in of_kind(name, "Deployment")[made]["spec"], "two would fight over the number"
    assert of_kind(name, "HorizontalPodAutoscaler").keys() == {"ingest", "notify"}


@each
def test_nothing_may_talk_unless_it_is_said(name: str) -> None:
    policies = of_kind(name, "NetworkPolicy")
    silent = policies["nothing-unless-said"]["spec"]
    assert silent == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    labels = {made: template["metadata"]["labels"] for made, template in pods(name).items()}

    def may(kind: str, made: str) -> set[Any]:
        ports: set[Any] = set()
        for policy in policies.values():
            if kind.capitalize() in policy["spec"]["policyTypes"] and labels_fit(
                policy["spec"]["podSelector"], labels[made]
            ):
                ports |= {port["port"] for rule in policy["spec"].get(kind, ()) for port in rule["ports"]}
        return ports

    store = {6379} if name == "base" else {6379, 26379}
    assert may("egress", "ingest") == may("egress", "scoring") == {53} | store
    assert may("egress", "notify") == {53, 443, 465, 587} | store
    assert [may("ingress", made) for made in SERVICES] == [{"http"}] * 3
    if name == "base":
        assert (may("ingress", "valkey"), may("egress", "valkey")) == ({"redis"}, {53})


@each
@pytest.mark.parametrize(
    ("host", "shard"), [("scoring-0", (0, 2)), ("scoring-1", (1, 2)), ("scoring-2", (0, 2)), ("scoring-3", (1, 2))]
)
def test_each_service_understands_what_it_is_given(
    name: str, host: str, shard: tuple[int, int], tmp_path: Path
) -> None:
    """The environment of each container is read by the program itself, with the Secret's keys as files."""
    assert of_kind(name, "StatefulSet")["scoring"]["spec"]["replicas"] == 4
    for made, port in SERVICES.items():
        spec = pods(name)[made]["spec"]
        (container,) = spec["containers"]
        items = next(volume["secret"]["items"] for volume in spec["volumes"] if volume["name"] == "secrets")
        for item in items:
            (tmp_path / item["path"]).write_text("redis://valkey:6379/0" if "url" in item["path"] else "s" * 64)
        given = {one["name"]: one.get("value", host) for one in container["env"]}
        mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
        assert {Path(value).parent.as_posix() for value in given.values() if value.startswith("/")} <= mounted
        found = Environment.read(
            {key: value.replace("/run/secrets/strainwatch", str(tmp_path)) for key, value in given.items()}
        )
        assert (found.host, found.port, found.redis_url) == ("0.0.0.0", port, "redis://valkey:6379/0")
        assert found.scoring_shard == (shard if made == "scoring" else (0, 1))
        assert bool(found.jwt_secret) == (made == "notify")
        assert bool(found.caller_secret) == (made == "ingest")


def test_the_store_keeps_what_it_confirmed_on_a_volume_of_its_own() -> None:
    (claim,) = of_kind("base", "StatefulSet")["valkey"]["spec"]["volumeClaimTemplates"]
    (container,) = pods("base")["valkey"]["spec"]["containers"]
    assert {"name": claim["metadata"]["name"], "mountPath": "/data"} in container["volumeMounts"]
    config = of_kind("base", "ConfigMap")["valkey"]["data"]["valkey.conf"]
    for line in ("dir /data", "appendonly yes", "appendfsync always", "maxmemory-policy noeviction"):
        assert line in config.splitlines()
