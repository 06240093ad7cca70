"""The image, looked at as whoever broke into it would, and as whoever must answer for it."""

from __future__ import annotations

import io
import json
import re
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import FIGURES, IMAGE, ROOT, docker, run

BASE = "python:3.13-slim-bookworm"
OWN_BYTES_MAX = 200_000_000
LOOK = """
import json, os, shutil, stat
writable, special = [], []
for folder, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in ("/proc", "/sys")]
    for name in [*folders, *files]:
        path = os.path.join(folder, name)
        try:
            mode = os.lstat(path).st_mode
        except OSError:
            continue
        if stat.S_ISLNK(mode):
            continue
        if mode & 0o6000 and stat.S_ISREG(mode):
            special.append(path)
        if os.access(path, os.W_OK, follow_symlinks=True):
            writable.append(path)
tools = [name for name in %r if shutil.which(name)]
print(json.dumps({"writable": writable, "special": special, "tools": tools, "who": [os.getuid(), os.getgid()]}))
"""
TOOLS = (
    *("apt", "apt-get", "dpkg", "dpkg-deb", "pip", "pip3", "uv", "uvx", "node", "npm", "npx"),
    *("gcc", "g++", "cc", "c++", "cpp", "clang", "tcc", "zig", "ld", "as", "make", "cython", "cythonize"),
    *("git", "curl", "wget", "ssh", "nc", "gdb", "strace", "sudo", "gosu"),
)
# What a Linux container always has, owned by whoever runs in it.
ALWAYS_WRITABLE = re.compile(
    r"/dev/(null|zero|full|random|urandom|tty|ptmx|pts|shm|mqueue|stdout|stderr|stdin|fd|console)"
)
SECRETS = re.compile(
    r"(^|/)(\.npmrc|pip\.conf|\.netrc|\.env|\.git|id_(rsa|ed25519|ecdsa)|.*\.pem|.*\.key|jwt-secret|caller-secret|.*-redis-url"
    r"|secrets)(/|$)"
)
SECRET_TEXT = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bsk_[0-9a-f]{12}_[0-9a-f]{64}\b|_authToken\s*=|://[^/\s:@]+:[^/\s:@]+@[^\s]"
)


def test_it_says_what_it_is(image: str) -> None:
    config = json.loads(docker("inspect", IMAGE))[0]["Config"]
    labels = config["Labels"]
    commit = run("git", "log", "-1", "--format=%H").strip()

    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["strainwatch"]
    assert config["Healthcheck"]["Test"][0] == "CMD"
    assert not config.get("Volumes")  # they would be left behind by whoever forgets to name them
    assert labels["org.opencontainers.image.revision"].startswith(commit)
    assert labels["org.opencontainers.image.created"].endswith("Z")
    assert re.fullmatch(r"\d+\.\d+\.\d+", labels["org.opencontainers.image.version"])
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_it_is_small(image: str) -> None:
    sizes = {name: int(docker("inspect", "-f", "{{.Size}}", name)) for name in (IMAGE, BASE)}
    own = sizes[IMAGE] - sizes[BASE]
    FIGURES.append(f"the image: {own / 1e6:.0f} MB on top of its base")
    assert own < OWN_BYTES_MAX


def test_who_breaks_in_finds_nothing_to_work_with(image: str) -> None:
    look = LOOK % (TOOLS,)
    found = json.loads(docker("run", "--rm", "--network", "none", "--entrypoint", "python3", IMAGE, "-c", look))

    assert found["who"] == [10001, 10001]
    assert found["tools"] == []
    assert found["special"] == []
    beside = [path for path in found["writable"] if not ALWAYS_WRITABLE.match(path)]
    assert set(beside) <= {"/data", "/tmp", "/var/tmp", "/run/lock", "/var/lock"}
    refused = subprocess.run(
        ["docker", "run", "--rm", "--network", "none", "--entrypoint", "python3", IMAGE, "-m", "pip", "--version"],
        capture_output=True,
    )
    assert refused.returncode != 0


def test_compiled_and_with_the_page(image: str) -> None:
    ask = (
        "import services.scoring.core.seconds as a, shared.contract.plain_reader as b, importlib.util as u, json;"
        "from services.notify.page import DIST;"
        "print(json.dumps([a.__file__, b.__file__, (DIST / 'index.html').is_file(), u.find_spec('cython') is None]))"
    )
    one, two, page, no_cython = json.loads(
        docker("run", "--rm", "--network", "none", "--entrypoint", "python3", IMAGE, "-c", ask)
    )
    assert one.endswith(".so")
    assert two.endswith(".so")
    assert page
    assert no_cython


def test_its_contents_are_listed(image: str) -> None:
    for name, known in (
        ("strainwatch.cdx.json", {"numpy", "uvicorn", "apprise"}),
        ("page.cdx.json", {"preact", "uplot"}),
    ):
        inside = json.loads(
            docker("run", "--rm", "--network", "none", "--entrypoint", "cat", IMAGE, f"/opt/strainwatch/sbom/{name}")
        )
        assert inside["bomFormat"] == "CycloneDX"
        names = {part["name"] for part in inside["components"]}
        assert known <= names
        assert not names & {"pytest", "ziglang", "vite", "cyclonedx-bom"}
        beside = json.loads((ROOT / "build" / "sbom" / name).read_text())
        assert beside == inside


@pytest.fixture(scope="module")
def saved(image: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("saved") / "image.tar"
    docker("save", "--output", str(file), IMAGE)
    return file


def test_no_layer_holds_a_secret(saved: Path) -> None:
    base = set(json.loads(docker("inspect", "-f", "{{json .RootFS.Layers}}", BASE)))
    every = json.loads(docker("inspect", "-f", "{{json .RootFS.Layers}}", IMAGE))
    with tarfile.open(saved) as image:
        files = image.extractfile("manifest.json")
        assert files is not None
        layers = json.load(files)[0]["Layers"]
        ours = [layer for layer, digest in zip(layers, every, strict=True) if digest not in base]
        assert len(ours) >= 2
        named, told = [], []
        for layer in ours:
            opened = image.extractfile(layer)
            assert opened is not None
            for name, content in _files(io.BytesIO(opened.read())):
                # A file of that name which begins with .wh. says that the file of the base is gone.
                if SECRETS.search(name) and not name.endswith((".py", ".pyc", "cacert.pem")):
                    named.append(name)
                if SECRET_TEXT.search(content) and not name.endswith((".py", ".pyc", "METADATA")):  # examples
                    told.append(name)
    assert not named
    assert not told
    assert not re.search(
        "secret|token|password",
        docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", IMAGE).split(BASE)[0],
        re.I,
    )


def _files(layer: io.BytesIO) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=layer) as files:
        for member in files:
            taken = files.extractfile(member) if member.isfile() else None
            if taken is not None:
                yield member.name, taken.read()


def test_the_same_commit_makes_the_same_image(image: str) -> None:
    """Labels hold nothing of the moment: a second build takes every layer from the cache, down to the id."""
    run(ROOT / "deploy" / "stack", "build", STRAINWATCH_IMAGE=IMAGE)
    assert docker("inspect", "-f", "{{.Id}}", IMAGE) == image
