"""Runs Python with the modules that are otherwise compiled interpreted, so that a test can compare the two bit for bit.

python -m tests.interpreted script.py arguments...
python -m tests.interpreted -m pytest tests/unit/scoring
"""

from __future__ import annotations

import runpy
import subprocess
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

import hatch_build

ROOT = Path(__file__).resolve().parents[1]
SOURCES = {
    path.removesuffix(".py").replace("/", "."): str(ROOT / path) for path in sorted(hatch_build.compiled_modules(ROOT))
}
"""Of the compiled modules, by name."""


def outputs_both_ways(script: str, *arguments: str) -> tuple[str, str]:
    """What a script prints with the modules compiled, and interpreted. Warnings are errors."""
    return _output("-c", script, *arguments), _output("-m", "tests.interpreted", "-c", script, *arguments)


def _output(*arguments: str) -> str:
    command = [sys.executable, "-W", "error", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


class _Sources(MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        source = SOURCES.get(name)
        if not source:
            return None
        return spec_from_file_location(name, source, loader=SourceFileLoader(name, source))


def main() -> None:
    """Run the script, code (-c) or module (-m) that the command line names."""
    sys.meta_path.insert(0, _Sources())
    sys.path.insert(0, "")
    what, *rest = sys.argv[1:]
    if what == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif what == "-c":
        sys.argv = ["-c", *rest[1:]]
        exec(compile(rest[0], "<script>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = [what, *rest]
        runpy.run_path(what, run_name="__main__")


if __name__ == "__main__":
    main()
