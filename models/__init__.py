"""The zoo: networks that tinygrad_np trains on real data, as recipes. `python -m models --help` says how.

errors.py what a person did wrong; download.py and files/ where images come from, data.py what is learned from;
recipes.py what decides all, networks.py the networks, batches.py and method.py how they learn, team.py and progress.py
beside the one loop in train.py; ensemble.py, compare.py, plots.py and report.py what is said of it; lock.py, run.py and
finish.py what stays in a folder; serve/ a page to draw on. cli.py reads a command line, commands.py does what it says.
"""

import os

# Before NumPy is loaded: with one BLAS thread a seed gives the same bits however many cores there are, and a machine
# that is busy with something else stays usable. Networks of this size gain little from more; OMP_NUM_THREADS=4 asks.
os.environ.setdefault("OMP_NUM_THREADS", "1")
