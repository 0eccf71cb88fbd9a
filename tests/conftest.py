"""One thread a process: two test processes share two cores, and sums come in the same order.

``HANDWRITING_TEST_ONEDNN=0`` has torch compute without oneDNN, as on processors that it does not
know; ``.ci/settings`` runs the tests under this and other settings of a processor.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

if os.environ.get("HANDWRITING_TEST_ONEDNN") == "0":
    import torch

    torch.backends.mkldnn.enabled = False
