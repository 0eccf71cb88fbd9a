"""Faults of the machine that a command runs on, each as a line that says what is true: a full or
read-only disk, no permission, no memory, no more open files, a name that no file can have.
"""

import errno
import re

from handwriting.quoting import printable, quoted

# Of all others it is the program that asks for something wrong.
_OF_THE_MACHINE = frozenset(
    getattr(errno, name)
    for name in (
        *("EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT", "EFBIG", "EIO", "EMFILE", "ENFILE"),
        *("ENOMEM", "ENAMETOOLONG", "ENOENT", "EEXIST", "ENOTDIR", "EISDIR", "ENOTEMPTY"),
        *("ELOOP", "ENODEV", "ENXIO", "EBUSY", "ETXTBSY", "ESTALE", "EPIPE", "EXDEV", "EAGAIN"),
        *("ENOLCK", "ENOTSUP", "EREMOTEIO", "ECONNREFUSED", "ECONNRESET", "EADDRINUSE"),
    )
    if hasattr(errno, name)
)
# Of libraries that raise other errors when the system refuses memory.
_NO_MEMORY = re.compile(
    r"can't allocate memory|cannot allocate memory|not enough memory|std::bad_alloc"
    r"|out of memory|failed to map segment|can't start new thread"
    r"|could not create a primitive",  # oneDNN's way to say it
    re.IGNORECASE,
)
_NUL = re.compile(r"embedded null (byte|character)")
# NumPy's, which has no errno.
_HALF_WRITTEN = re.compile(r"\d+ requested and \d+ written")


def fault_line(error: BaseException) -> str | None:
    """Return one line about an error that the machine is the cause of.

    Args:
        error: with its causes, which count where it is none itself.

    Returns:
        None where the error is one of the program.
    """
    found: BaseException | None = error
    while found is not None:
        if line := _line(found):
            return printable(line)
        found = found.__cause__
    return None


def reason(error: BaseException) -> str:
    """Return what the system says of an error, or of the one behind it: ``Permission denied``."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, OSError) and found.strerror:
            return found.strerror
        found = found.__cause__ or found.__context__
    return " ".join(str(error).split())


def _line(error: BaseException) -> str | None:
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return f"not enough memory ({quoted(text)[1:-1]})" if text else "not enough memory"
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        return _of_system(error)
    if isinstance(error, OSError) and _HALF_WRITTEN.search(text):
        return _named(error, "cannot be written whole, the disk is full or a limit is reached")
    if isinstance(error, RuntimeError | ImportError | OSError) and _NO_MEMORY.search(text):
        return f"not enough memory ({quoted(text)[1:-1]})"
    if isinstance(error, UnicodeEncodeError) and "surrogates" in error.reason:
        return f"is not UTF-8: {quoted(error.object)}"
    if isinstance(error, ValueError) and _NUL.search(text):
        return "a path has a NUL character in it"
    return None


def _of_system(error: OSError) -> str:
    if error.errno == errno.EPIPE:
        return _named(error, "nobody reads it any more")
    return _named(error, error.strerror or str(error))


def _named(error: OSError, what: str) -> str:
    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    return f"{' -> '.join(names)}: {what}" if names else what
