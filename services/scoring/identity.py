"""The name of the engine: whatever may change a bit of a score changes it."""

from __future__ import annotations

import platform
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

import services.scoring.core
import shared.contract

_PACKAGES = (services.scoring.core, shared.contract)


def engine_name() -> str:
    """Version and digest of the code that judges, the versions of NumPy and the C library, and the CPU class.

    The class is what NumPy uses of this CPU: exp and log, NumPy's and the C library's, differ in the last bit between
    classes and versions.
    """
    simd = np.show_config(mode="dicts")["SIMD Extensions"]
    features = "+".join([*simd["baseline"], *simd["found"]]) or "plain"
    libc = "-".join(platform.libc_ver()) or "libc"
    return f"strainwatch {_version()} {_code_digest()} numpy {np.__version__} {libc} {platform.machine()} {features}"


def _version() -> str:
    try:
        return version("strainwatch")
    except PackageNotFoundError:
        return "unpacked"


def _code_digest() -> str:
    digest = blake2b(digest_size=6)
    for package in _PACKAGES:
        root = Path(package.__path__[0])
        for path in sorted(root.rglob("*.py")):
            content = path.read_bytes()
            digest.update(f"{package.__name__}/{path.relative_to(root)} {len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()
