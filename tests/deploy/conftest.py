"""Real containers: a Docker engine, the image, a stack. `make test-deploy` runs these; nothing else collects them."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import FIGURES, IMAGE, ROOT, STACK, House, docker, run, standing

ENGINE = ROOT.parent / "shared" / "docker" / "engine"
"""Where a machine without an engine may get one."""
UP_WAIT_S = 900


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Minutes of building are for those who ask: `pytest tests/deploy`."""
    asked = any("deploy" in str(argument) for argument in config.args)
    return True if collection_path.name.startswith("test_") and not asked else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Figures are told, also when all is well."""
    if FIGURES:
        terminalreporter.section("measured on the way")
        for line in FIGURES:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def engine() -> Iterator[None]:
    """A Docker engine that answers, started when there is a way to."""
    if _answers():
        yield
        return
    if not ENGINE.exists():
        pytest.skip("no Docker engine answers here")
    if os.geteuid() != 0:
        pytest.skip("no Docker engine answers here, and only root may start one")
    done = subprocess.run([ENGINE, "up", "observability"], capture_output=True, text=True, timeout=UP_WAIT_S)
    if done.returncode != 0 or not _answers():
        pytest.skip(f"no Docker engine can be started here: {(done.stderr or done.stdout).strip()[-300:]}")
    yield
    subprocess.run([ENGINE, "down"], capture_output=True, timeout=60)


def _answers() -> bool:
    return shutil.which("docker") is not None and not subprocess.run(["docker", "info"], capture_output=True).returncode


@pytest.fixture(scope="session")
def image(engine: None) -> str:
    """The image of this tree, built now; or the one that STRAINWATCH_TEST_IMAGE names."""
    built = os.environ.get("STRAINWATCH_TEST_IMAGE")
    if built:
        docker("tag", built, IMAGE)
    else:
        began_s = time.monotonic()
        run(STACK, "build", STRAINWATCH_IMAGE=IMAGE)
        FIGURES.append(f"the image: built in {time.monotonic() - began_s:.0f} s")
    return docker("inspect", "-f", "{{.Id}}", IMAGE)


@pytest.fixture(scope="module")
def house(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A stack that the tests of one file share."""
    with standing(House(tmp_path_factory.mktemp("house"))) as house:
        yield house
