"""TLS in front: the configurations that we ship, in a real nginx and a real Caddy, before real services."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import json
import re
import shutil
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from running import ROOT, WAIT_S, eventually, free_port, get, ready, started
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

CLI = [sys.executable, "-c", "from tools.cli import main; main()"]
SHIPPED = {"nginx": ROOT / "deploy" / "proxy" / "nginx.conf", "caddy": ROOT / "deploy" / "proxy" / "Caddyfile"}
PACKAGES = {"nginx": "nginx-light", "caddy": "caddy"}


@dataclass
class House:
    https: int
    http: int
    trust: ssl.SSLContext
    key: str
    token: str

    def post(self, body: object) -> tuple[int, dict[str, object]]:
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.https}/v1/events",
            json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=WAIT_S, context=self.trust) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, {}


def certificate(folder: Path) -> ssl.SSLContext:
    """Writes a certificate of 127.0.0.1 and its key, and trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "strainwatch.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "strainwatch.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain))
    return ssl.create_default_context(cafile=str(folder / "strainwatch.crt"))


def changed(text: str, *changes: tuple[str, str]) -> str:
    """The shipped text with the ports and the certificate of this test in the places of its own."""
    for ours, theirs in changes:
        assert ours in text
        text = text.replace(ours, theirs)
    return text


def nginx(folder: Path, ingest: int, notify: int, https: int, http: int) -> list[str]:
    """The shipped file and what stands around it; the command that runs it."""
    site = changed(
        SHIPPED["nginx"].read_text(),
        ("127.0.0.1:8081;", f"127.0.0.1:{ingest};"),
        ("127.0.0.1:8082;", f"127.0.0.1:{notify};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{https} ssl;"),
        ("listen 80;", f"listen 127.0.0.1:{http};"),
        ("/etc/nginx/strainwatch", f"{folder}/strainwatch"),
        ("strain.example.org", "127.0.0.1"),
    )
    (folder / "site.conf").write_text(site)
    temporary = "\n".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = f"""
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{ access_log off; {temporary} include {folder}/site.conf; }}
"""
    (folder / "nginx.conf").write_text(whole)
    return ["-p", str(folder), "-c", str(folder / "nginx.conf")]


def caddy(folder: Path, ingest: int, notify: int, https: int, http: int) -> list[str]:
    """The same for Caddy, which would fetch a certificate by itself and here gets one."""
    site = changed(
        SHIPPED["caddy"].read_text(),
        ("127.0.0.1:8081", f"127.0.0.1:{ingest}"),
        ("127.0.0.1:8082", f"127.0.0.1:{notify}"),
        ("strain.example.org {", f"127.0.0.1 {{\n\ttls {folder}/strainwatch.crt {folder}/strainwatch.key"),
    )
    around = f"""{{
	admin off
	default_bind 127.0.0.1
	http_port {http}
	https_port {https}
	storage file_system {folder}
}}
"""
    (folder / "Caddyfile").write_text(around + site)
    return ["run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


@contextmanager
def proxied(program: str, folder: Path, **ports: int) -> Iterator[None]:
    found = shutil.which(program, path="/usr/sbin:/usr/bin:/bin")
    if found is None:
        pytest.skip(f"no {program} on this machine (Debian: apt-get install {PACKAGES[program]})")
    arguments = {"nginx": nginx, "caddy": caddy}[program](folder, **ports)
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen([found, *arguments], stderr=said, env={"HOME": str(folder)})
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=WAIT_S)


@pytest.fixture(scope="module", params=sorted(SHIPPED))
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder, proxy = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("proxy")
    proxy.chmod(0o755)  # nginx's worker may be another user
    port, https, http = free_port(), free_port(), free_port()
    trust = certificate(proxy)
    with (
        proxied(request.param, proxy, ingest=port, notify=port, https=https, http=http),
        started([*CLI, "serve", "all", "--port", str(port)], folder),
    ):
        eventually(ready(port), "the services to be ready")
        environment = {"STRAINWATCH_DATA_DIR": str(folder)}

        def said(*arguments: str) -> str:
            done = subprocess.run(
                [*CLI, *arguments], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
            )
            return done.stdout.strip()

        key = said("keys", "create", "--tenant", "acme")
        token = said("token", "--tenant", "acme", "--teams", "*", "--role", "lead", "--sub", "lead-1")
        house = House(https, http, trust, key, token)
        eventually(lambda: house.post([])[0] not in (401, 502), "the proxy to listen and ingest to know the key")
        yield house


def event(number: int) -> dict[str, object]:
    now_ms = int(datetime.datetime.now(datetime.UTC).timestamp() * 1000)
    return {"type": "queue.observed", "id": f"proxy-{number}", "ts": now_ms, "queue": "support", "waiting": 60,
            "longest_wait_s": 900}  # fmt: skip


def test_events_and_the_feed_come_through(house: House) -> None:
    address = f"wss://127.0.0.1:{house.https}/v1/feed"
    page = f"https://127.0.0.1:{house.https}"
    with connect(address, subprotocols=["strainwatch.v1"], ssl=house.trust, origin=page) as feed:  # type: ignore[list-item,arg-type]
        feed.send(json.dumps({"kind": "authenticate", "token": house.token}))
        assert json.loads(feed.recv(timeout=WAIT_S))["kind"] == "hello"
        status, body = house.post([event(1)])
        assert (status, body["accepted"]) == (202, 1)
        while (frame := json.loads(feed.recv(timeout=WAIT_S)))["kind"] != "alert":
            pass
    assert frame["alert"]["subject"]["id"] == "support"


def test_a_page_from_elsewhere_may_not_open_the_feed(house: House) -> None:
    address = f"wss://127.0.0.1:{house.https}/v1/feed"
    with pytest.raises(InvalidStatus) as refused:
        connect(address, subprotocols=["strainwatch.v1"], ssl=house.trust, origin="https://elsewhere.example.org")  # type: ignore[list-item,arg-type]
    assert refused.value.response.status_code == 403


def test_server_sent_events_are_not_held_back(house: House) -> None:
    request = urllib.request.Request(
        f"https://127.0.0.1:{house.https}/v1/stream", headers={"Authorization": f"Bearer {house.token}"}
    )
    with urllib.request.urlopen(request, timeout=WAIT_S, context=house.trust) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        while b"board" not in stream.readline():  # the next one is due within a second
            pass


def test_how_the_services_fare_is_not_for_the_outside(house: House) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"https://127.0.0.1:{house.https}/metrics", timeout=WAIT_S, context=house.trust)
    with refused.value as answer:
        assert answer.code == 404


def test_the_page_comes_by_https_only(house: House) -> None:
    answer = get(house.http, "/some?where=1")
    assert answer is not None
    assert answer[0] == 308


@pytest.mark.asyncio
async def test_a_body_that_is_too_large_ends_at_the_door(house: House) -> None:
    body = json.dumps([event(number) for number in range(12_000)]).encode()
    head = (
        f"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1:{house.https}\r\nAuthorization: Bearer {house.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    for _ in range(10):  # which of door and proxy is first to notice is a matter of luck
        # Read while it is sent, as curl does: the answer comes long before the last byte is taken.
        reader, writer = await asyncio.open_connection("127.0.0.1", house.https, ssl=house.trust)
        writer.write(head.encode() + body)
        async with asyncio.timeout(WAIT_S):
            assert b" 413 " in await reader.readline()
        writer.transport.abort()
    assert house.post([event(2)])[0] == 202  # and the next one finds everything as it was


def test_the_shipped_files_have_no_name_of_ours_in_them() -> None:
    for file in SHIPPED.values():
        sites = re.findall(r"^(?:\s*server_name )?([\w-]+(?:\.[\w-]+)+)(?:;| \{)$", file.read_text(), re.MULTILINE)
        assert set(sites) == {"strain.example.org"}, file
