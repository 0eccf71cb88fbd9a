"""One command that reads, with what it took: ``benchmarks.reading`` runs it in a process.

The last line on stderr has the seconds of the processor and the most memory, in MiB.
"""

import contextlib
import resource
import sys


def main() -> None:
    """Read the ink at the second argument with the checkpoint of the first, in this process."""
    import experiments

    checkpoint, path = sys.argv[1:]
    with contextlib.redirect_stdout(sys.stderr):
        experiments.main(["-r", checkpoint, "--device", "cpu", "--workers", "1", "--ink", path])
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, file=sys.stderr)


if __name__ == "__main__":
    main()
