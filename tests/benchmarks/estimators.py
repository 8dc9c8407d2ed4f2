"""NeuralClassifier against scikit-learn's MLPClassifier, at equal settings and in turns: seconds and accuracy.

usage: python -m tests.benchmarks.estimators [DATA] [--epochs N] [--rows N] [--turns N]

DATA is a folder of MNIST's files; without it, scikit-learn's digits alone. Both have one hidden layer of 100, Adam,
batches of 200, the same number of epochs and float32 data.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import warnings
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier

from models import data as data_
from tinygrad_np.interop.estimators import NeuralClassifier


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="?")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")  # neither is trained to its end
    print("| data | epochs | CPU s, ours | MLPClassifier | ratio | accuracy, ours | MLPClassifier |")
    print("|---|---|---|---|---|---|---|")
    for name in ("digits", *([options.data] if options.data else [])):
        whole = data_.load_labeled(name)
        test = None if name == "digits" else data_.load_test(name)
        if test is None:
            training, held_out = data_.split(whole, 0.25, None, 0)
        else:
            training, held_out = whole.take(slice(options.rows)), test
        seconds: list[list[float]] = [[], []]
        scores: list[list[float]] = [[], []]
        for turn in range(options.turns):
            both: list[Any] = [
                NeuralClassifier(max_epochs=options.epochs, patience=options.epochs, random_state=turn),
                MLPClassifier(max_iter=options.epochs, n_iter_no_change=options.epochs, random_state=turn),
            ]
            for model, times, found in zip(both, seconds, scores, strict=True):
                began = time.process_time()
                model.fit(training.images, training.labels)
                times.append(time.process_time() - began)
                found.append(float(np.mean(model.predict(held_out.images) == held_out.labels)))
        ours, theirs = map(statistics.median, seconds)
        print(
            f"| {'digits' if name == 'digits' else f'MNIST, {len(training):,} rows'} | {options.epochs} | {ours:.2f}"
            f" | {theirs:.2f} | {ours / theirs:.2f}"
            f" | {statistics.mean(scores[0]):.2%} | {statistics.mean(scores[1]):.2%} |",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
