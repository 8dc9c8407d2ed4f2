"""The zoo: networks that tinygrad_np trains on real data, as recipes. `python -m models --help` says how."""

import os

# Before NumPy is loaded: with one BLAS thread a seed gives the same bits however many cores there are, and a machine
# that is busy with something else stays usable. Networks of this size gain little from more; OMP_NUM_THREADS=4 asks.
os.environ.setdefault("OMP_NUM_THREADS", "1")
