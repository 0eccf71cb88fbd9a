"""One thread a process: two test processes share two cores, and sums come in the same order."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
