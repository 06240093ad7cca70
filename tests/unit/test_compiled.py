"""The compiled modules: made from their present source, the same interpreted, and typed."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

import hatch_build
from tests.interpreted import SOURCES, outputs_both_ways

ROOT = Path(__file__).resolve().parents[2]
MODULES = hatch_build.compiled_modules(ROOT)
MAKE = "run `make -B setup`, or `python hatch_build.py` where there is a C compiler"
INTERPRETED = not hatch_build.extensions(ROOT) and not hatch_build.can_compile()
compiled = pytest.mark.skipif(INTERPRETED, reason="nothing can compile here: all modules run interpreted")


@compiled
@pytest.mark.parametrize("module", [hatch_build.SHARED, *MODULES])
def test_an_extension_was_made_from_its_present_source(module: str) -> None:
    assert hatch_build.is_fresh(ROOT, module, MODULES), f"{module} runs as it was, not as it is: {MAKE}"


def test_no_extension_hides_a_module_that_is_not_listed() -> None:
    listed = {hatch_build.extension(ROOT, module) for module in (hatch_build.SHARED, *MODULES)}
    assert not [str(path) for path in hatch_build.extensions(ROOT) if path not in listed], MAKE


@compiled
def test_all_compiled_modules_import_both_ways_without_a_warning() -> None:
    names = ", ".join(SOURCES)
    compiled, interpreted = outputs_both_ways(
        f"import sys, {names}\nprint(*[sys.modules[n].__file__ for n in {list(SOURCES)}])"
    )
    assert compiled.split() == [str(hatch_build.extension(ROOT, module)) for module in sorted(MODULES)]
    assert interpreted.split() == list(SOURCES.values())


@pytest.mark.parametrize("module", MODULES)
def test_a_compiled_module_has_a_stub_and_no_directives_of_its_own(module: str) -> None:
    assert (ROOT / module).with_suffix(".pyi").exists(), "mypy reads the stub, not the source"
    assert "# cython:" not in (ROOT / module).read_text(), "directives stand in hatch_build.py, for all modules alike"


@pytest.mark.parametrize("module", MODULES)
def test_what_a_stub_promises_the_module_has(module: str) -> None:
    source, stub = (_functions((ROOT / module).with_suffix(ending).read_text()) for ending in (".py", ".pyi"))
    assert not stub - source


def _functions(text: str) -> set[str]:
    """Functions and methods that Python can call, with their parameters; a property may be an attribute in C."""
    found = set()
    for scope in [ast.parse(text), *(node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef))]:
        for node in (node for node in scope.body if isinstance(node, ast.FunctionDef)):
            parameters = ", ".join(argument.arg for argument in (*node.args.args, *node.args.kwonlyargs))
            if not {"property", "cython.cfunc"} & {ast.unparse(decorator) for decorator in node.decorator_list}:
                found.add(f"{getattr(scope, 'name', '')}.{node.name}({parameters})")
    return found


def test_uv_builds_anew_when_a_listed_module_changes() -> None:
    keys = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["cache-keys"]
    assert not [module for module in MODULES if not any(Path(module).match(key["file"]) for key in keys)]


@pytest.mark.parametrize("module", MODULES)
def test_masks_are_c_numbers(module: str) -> None:
    """A literal beyond 63 bits in an expression is a Python object: right, and a hundred times slower."""
    lines = (ROOT / module).read_text().splitlines()
    assert not [line for line in lines if re.search(r"0x[89A-Fa-f][0-9A-Fa-f]{15}\b", line) and "declare(" not in line]


@compiled
def test_an_index_is_the_same_compiled_and_interpreted() -> None:
    compiled, interpreted = outputs_both_ways(INDEX)
    assert compiled == interpreted
    assert len(compiled.splitlines()) > 400


INDEX = """
import numpy as np
from services.scoring.core.hash_index import HashIndex
from services.scoring.core.seen import Seen
chance = np.random.default_rng(11)
index, seen = HashIndex(), Seen()
for turn in range(200):
    keys = chance.integers(1, 1 << 64, chance.integers(0, 60), np.uint64) | np.uint64(1 << 63 if turn % 2 else 1)
    keys.flags.writeable = False
    index.put(keys, chance.integers(-5, 1 << 62, keys.size))
    print(index.n, index.crowded, index.get(keys).tolist())
    ids = chance.integers(0, 300, (chance.integers(1, 40), 16)).astype(np.uint8) // 150 + 1
    seen.forget(turn * 10 - 500)
    print(seen.fresh(ids.view("S16").ravel(), turn % 3 + 1, turn * 10).tolist())
print([column.tolist() for column in index.items()])
"""


LOGS = """
import sys
from hashlib import sha256
sys.path.insert(0, "tests/unit/scoring")
from care_days import care_log
from scoring_logs import Fuzz, centre_log, play
hard = [Fuzz(seed, gaps=True, actions=True).log() for seed in (1, 2)]
for log in (care_log(), centre_log(300), *hard):
    played = play(log)
    alerts = [data for report in played.reports for _, data in report.alerts]
    print(len(alerts), sha256(b"".join(alerts)).hexdigest(), sha256(played.engine.snapshot()).hexdigest())
"""


def test_the_engine_gives_the_same_bytes_compiled_and_interpreted() -> None:
    compiled, interpreted = outputs_both_ways(LOGS)
    assert compiled == interpreted
    assert all(int(line.split()[0]) > 0 for line in compiled.splitlines())
