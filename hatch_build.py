"""Compiles the modules that pyproject.toml lists as `compiled`, for the wheel and for the editable install.

Each is plain Python that Cython turns into C, and a C compiler into an extension beside the `.py`. Where nothing can
compile, they run interpreted: slower, with the same results. `python hatch_build.py` compiles in place what is not up
to date.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import shlex
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

DIRECTIVES = {
    "language_level": "3",
    # Plain C loops: an index is not checked and does not count from the end, and `//` and `%` are those of C.
    "boundscheck": "False",
    "wraparound": "False",
    "cdivision": "True",
    "initializedcheck": "False",
    # Less C to compile: nobody pickles these, and nobody reads the C.
    "auto_pickle": "False",
    "emit_code_comments": "False",
}
FLAGS = [
    # The bits of a score must not depend on the machine: no fused multiply-add, no -ffast-math, no -march=native.
    "-O2",
    "-ffp-contract=off",
    # Overflow wraps, and two views may show one array: what Cython's C and our hashes count on.
    "-fwrapv",
    "-fno-strict-aliasing",
    "-fvisibility=hidden",
    "-g0",
    "-DNDEBUG",
    "-fPIC",
    "-shared",
]
# Named, because some distributions let their compiler assume newer processors.
BASELINE = {"x86_64": ["-march=x86-64"], "aarch64": ["-march=armv8-a"], "arm64": ["-march=armv8-a"]}
ZIG = "ziglang>=0.15,<0.18"
"""A C compiler as a wheel, for machines without one."""
SHARED = "shared/_cython_parts.py"
"""Memory views and functions as Cython has them, once for all modules; there is no such `.py`."""
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
HEADERS = Path(sysconfig.get_path("include"), "Python.h")
PROBE = "#include <Python.h>\nPyMODINIT_FUNC PyInit_probe(void) { return NULL; }\n"


class CompiledModules(BuildHookInterface):  # type: ignore[type-arg]
    """The build hook."""

    def dependencies(self) -> list[str]:
        """A compiler of our own where the machine has none."""
        return [ZIG] if self.target_name == "wheel" and _zig_target() and not _system_compiler() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and put the extensions into the wheel."""
        if self.target_name != "wheel":
            return
        made = compile_all(Path(self.root), self.config["compiled"], self.app.display_info)
        if made:
            build_data["artifacts"] += [f"/{path}" for path in made]
            build_data["pure_python"] = False
            build_data["infer_tag"] = True


def compile_all(root: Path, modules: list[str], say: Callable[[str], None] = print) -> list[str]:
    """Compile what is not up to date; the paths of all extensions, or none where nothing can compile.

    All or none: a compiled module counts on the layout of the compiled others.
    """
    every = [SHARED, *modules]
    for path in extensions(root):
        if path not in [extension(root, module) for module in every]:
            path.unlink()  # it would hide its `.py`
    command = _system_compiler() or _zig()
    if not command and not all(is_fresh(root, module, modules) for module in every):
        for path in extensions(root):
            path.unlink()
        missing = "a C compiler" if HEADERS.exists() else "Python.h (often in a package named python3-dev)"
        say(f"Strainwatch runs without compiled modules, slower with the same results: this machine lacks {missing}.")
        return []
    made_by = f"Cython {importlib.metadata.version('cython')}, {_version(command)}" if command else ""

    stale = [module for module in every if not is_fresh(root, module, modules, made_by)]
    for module in stale:
        extension(root, module).unlink(missing_ok=True)  # never leave what does not fit its source
    count = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(count) as pool:
        # A start of Cython costs several modules' work, so each processor gets one for its share of them.
        list(pool.map(lambda share: _to_c(root, share, Path(folder)), (stale[at::count] for at in range(count))))

        def build(module: str) -> None:
            _compile(root, module, f"{_digest(root, module, modules)} {made_by}", command, Path(folder))
            say(f"compiled {module if module != SHARED else 'what all compiled modules share'}")

        list(pool.map(build, stale))
    return [extension(root, module).relative_to(root).as_posix() for module in every]


def can_compile() -> bool:
    """Whether this machine has a C compiler, or there is one for it as a wheel."""
    return bool(_zig_target() or _system_compiler())


def is_fresh(root: Path, module: str, modules: list[str], made_by: str = "") -> bool:
    """Whether the extension of a module is there and was made from its present source."""
    path = extension(root, module)
    return path.exists() and f"{_digest(root, module, modules)} {made_by}".encode() in path.read_bytes()


def extension(root: Path, module: str) -> Path:
    """Where the extension of a module is."""
    return (root / module).with_suffix(SUFFIX)


def compiled_modules(root: Path) -> list[str]:
    """The modules that pyproject.toml lists, as paths from the root."""
    project = tomllib.loads((root / "pyproject.toml").read_text())
    modules: list[str] = project["tool"]["hatch"]["build"]["hooks"]["custom"]["compiled"]
    return modules


def extensions(root: Path) -> list[Path]:
    """All extensions of this Python in the packages, listed or left over."""
    found = []
    for package in ("services", "shared", "tools"):
        for folder, folders, files in os.walk(root / package):
            folders[:] = [name for name in folders if name != "node_modules"]
            found += [Path(folder, name) for name in files if name.endswith(SUFFIX)]
    return found


def _digest(root: Path, module: str, modules: list[str]) -> str:
    """Of all that an extension is made from; it stands in the extension itself, so the two cannot be parted."""
    made_from = hashlib.sha256(repr((DIRECTIVES, FLAGS, BASELINE, SHARED, module)).encode())
    if module != SHARED:
        made_from.update((root / module).read_bytes())
        named = [module]  # and what these name: the .pxd of one may take up those of others
        for one in named:
            pxd = (root / one).with_suffix(".pxd")
            text = pxd.read_text() if pxd.exists() else ""
            made_from.update(f"{one} {text}".encode())
            text += (root / one).read_text()
            named += [other for other in modules if Path(other).stem in text and other not in named]
    return f"strainwatch made from {made_from.hexdigest()}"


def _to_c(root: Path, modules: list[str], folder: Path) -> None:
    """`folder` gets the C of each module, under the module's own name."""
    cython = [sys.executable, "-W", "ignore", "-m", "cython"]
    parts = SHARED.removesuffix(".py").replace("/", ".")
    if SHARED in modules:
        _run([*cython, "generate-shared", str(_c_file(folder, SHARED)), "--module-name", parts], root)
    rest = [module for module in modules if module != SHARED]
    if rest:
        directives = ",".join(f"{key}={value}" for key, value in DIRECTIVES.items())
        _run([*cython, "--shared", parts, "-X", directives, "-Werror", "-o", str(folder), *rest], root)


def _c_file(folder: Path, module: str) -> Path:
    return folder / Path(module).with_suffix(".c").name


def _compile(root: Path, module: str, mark: str, command: list[str], folder: Path) -> None:
    c, made = _c_file(folder, module), _c_file(folder, module).with_suffix(".so")
    with c.open("a") as text:
        text.write(f'\n__attribute__((visibility("default"), used)) const char strainwatch_mark[] = "{mark}";\n')
    _run([*command, str(c), "-o", str(made), "-lm"], root)
    # Moved into place as a whole: a process that runs the old one keeps it.
    beside = extension(root, module).with_suffix(".new")
    beside.write_bytes(made.read_bytes())
    beside.chmod(0o755)
    beside.replace(extension(root, module))


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{shlex.join(command)}\n{done.stdout}{done.stderr}")


def _system_compiler() -> list[str]:
    """The first of $CC, cc, gcc and clang that can make an extension; nothing when none can."""
    for name in (os.environ.get("CC", ""), "cc", "gcc", "clang"):
        command = [*shlex.split(name), *_flags(), *BASELINE.get(platform.machine(), [])]
        if name and _works(command):
            return command
    return []


def _zig() -> list[str]:
    target = _zig_target()
    command = [sys.executable, "-m", "ziglang", "cc", "-target", target, "-mcpu=baseline", *_flags()]
    command += ["-idirafter", "/usr/include"]  # Debian keeps a part of Python.h there, which zig does not search
    return command if target and _works(command) else []


def _zig_target() -> str:
    """What zig shall compile for; empty where its wheel does not exist or Python's headers are missing."""
    machine = {"arm64": "aarch64"}.get(platform.machine(), platform.machine())
    # 2.28 is the oldest glibc that NumPy's wheels run on.
    libc = "gnu.2.28" if platform.libc_ver()[0] == "glibc" else "musl"
    system = {"linux": f"linux-{libc}", "darwin": "macos"}.get(sys.platform)
    fits = system and machine in ("x86_64", "aarch64") and HEADERS.exists()
    return f"{machine}-{system}" if fits else ""


def _flags() -> list[str]:
    macos = ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []
    return [*FLAGS, *macos, f"-I{HEADERS.parent}", f"-I{sysconfig.get_path('platinclude')}"]


def _works(command: list[str]) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder, "probe.c")
        probe.write_text(PROBE)
        try:
            tried = subprocess.run([*command, str(probe), "-o", f"{probe}.so"], cwd=folder, capture_output=True)
        except OSError:
            return False
        return tried.returncode == 0


def _version(command: list[str]) -> str:
    compiler = command[: command.index(FLAGS[0])]
    lines = subprocess.run([*compiler, "--version"], capture_output=True, text=True).stdout.splitlines()
    return (lines or ["unknown"])[0].replace('"', "'").replace("\\", "/")


def main() -> None:
    """Compile in place what is not up to date. Status 3: that would take a C compiler, and none works here."""
    root = Path(__file__).resolve().parent
    modules = compiled_modules(root)
    if not _system_compiler() and not all(is_fresh(root, module, modules) for module in [SHARED, *modules]):
        print("No C compiler works here; where there is one as a wheel, `make -B setup` brings it.", file=sys.stderr)
        sys.exit(3)
    compile_all(root, modules)


if __name__ == "__main__":
    main()
