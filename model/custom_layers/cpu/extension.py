"""The operators in C++: built for this processor at their first use, then found in a cache.

The cache is torch's for extensions (``TORCH_EXTENSIONS_DIR``, by default under ``~/.cache``), with
a folder for each combination of source, torch and processor. ``HANDWRITING_COMPILED=0`` does
without the operators; so does a machine without a C++ compiler or ninja, where a line of the log
says how to get them.
"""

import functools
import hashlib
import logging
import os
import platform
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

_log = logging.getLogger(__name__)

SWITCH = "HANDWRITING_COMPILED"
FOLDER = Path(__file__).parent
LIBRARY = "operators.so"
FAILURE = "failed.txt"
# A build takes a quarter of a minute; the lock of a process that was killed is free at once.
LOCK_SECONDS = 300
FLAGS = ("-O3", "-fopenmp", "-fno-math-errno", "-fno-trapping-math")


_may_load = True


class Unavailable(Exception):
    """Why there are no operators, and how to get them."""


def is_wanted() -> bool:
    """Whether the operators are not switched off."""
    return os.environ.get(SWITCH, "1") != "0"


def is_available() -> bool:
    """Whether the operators can be called; the first time they are built or loaded."""
    return is_wanted() and _may_load and _is_loaded()


@contextmanager
def without_building() -> Iterator[None]:
    """Do without operators that are not built yet: a build takes longer than a few lines."""
    global _may_load
    before, _may_load = _may_load, _may_load and (_folder() / LIBRARY).exists()
    try:
        yield
    finally:
        _may_load = before


@functools.cache
def _is_loaded() -> bool:
    try:
        load_operators()
    except Unavailable as reason:
        _log.info("compiled recurrences: plain PyTorch instead, %s", reason)
        return False
    return True


def load_operators() -> None:
    """Have ``torch.ops.handwriting``, built or from the cache.

    Raises:
        Unavailable: there is no way.
    """
    folder = _folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / "lock"):
            _load_or_build(folder)
    except OSError as error:
        raise Unavailable(f"the cache cannot be used ({error})") from error


def _folder() -> Path:
    """Return the folder of what is built from these sources for this processor."""
    return _cache() / f"handwriting_{_key()}"


def _cache() -> Path:
    """Return the folder in which torch keeps extensions."""
    named = os.environ.get("TORCH_EXTENSIONS_DIR")
    if named:
        return Path(named)
    from torch._appdirs import user_cache_dir

    # As torch.utils.cpp_extension has it, whose import takes longer than reading a line.
    return Path(user_cache_dir("torch_extensions"))


def _load_or_build(folder: Path) -> None:
    if (folder / LIBRARY).exists():
        torch.ops.load_library(str(folder / LIBRARY))
        return
    failure = folder / FAILURE
    if failure.exists():
        raise Unavailable(f"a build failed before; delete {failure} to try again")
    _check_tools()
    _log.info("compiled recurrences: being built, once for this processor, in %s", folder)
    try:
        _build(folder)
    except (RuntimeError, OSError) as error:
        failure.write_text(str(error))
        raise Unavailable(f"the build failed; {failure} says why") from error


def _check_tools() -> None:
    compiler = os.environ.get("CXX", "c++")
    if shutil.which(compiler) is None:
        raise Unavailable(
            f"there is no C++ compiler {compiler!r}; install one (Debian: apt install g++)"
        )
    with _own_programs():
        if shutil.which("ninja") is None:
            raise Unavailable("there is no ninja; install it (pip install ninja)")


def _build(folder: Path) -> None:
    """Build in a folder of its own, so that what is found in the cache is whole."""
    from torch.utils import cpp_extension

    with tempfile.TemporaryDirectory(dir=folder) as place, _own_programs():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cpp_extension.load(
                "operators",
                [str(FOLDER / "operators.cpp")],
                extra_cflags=[*FLAGS, *_processor_flags()],
                build_directory=place,
                is_python_module=False,
            )
        shutil.copy(Path(place) / LIBRARY, folder / "copied")
        os.replace(folder / "copied", folder / LIBRARY)


def _processor_flags() -> list[str]:
    """The compiler's flags for all that this processor has."""
    if platform.machine() in ("x86_64", "AMD64", "i686"):
        wide = "avx512f" in processor_features()
        return ["-march=native", *(["-mprefer-vector-width=512"] if wide else [])]
    return ["-mcpu=native"]


def processor_features() -> list[str]:
    """The names of the processor's instruction sets, sorted; none where the system tells none."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return []
    named = (line.partition(":") for line in lines)
    features = [value for name, _, value in named if name.strip() in ("flags", "Features")]
    return sorted(features[0].split()) if features else []


def _key() -> str:
    """Return a digest of all that a build depends on."""
    sources = sorted([*FOLDER.glob("*.h"), *FOLDER.glob("*.cpp")])
    parts = [source.read_bytes() for source in sources]
    named = [torch.__version__, sys.platform, platform.machine(), *FLAGS, *processor_features()]
    parts += [name.encode() for name in named]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time; the system frees the lock of one that is gone."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(path, timeout=LOCK_SECONDS):
            yield
    except Timeout:
        raise Unavailable(f"another process holds {path}") from None


@contextmanager
def _own_programs() -> Iterator[None]:
    """Find programs that are installed beside this Python, ninja for one."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before
