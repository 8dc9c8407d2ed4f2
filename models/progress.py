"""How training goes, epoch by epoch: a live bar on a terminal, some plain lines where there is none."""

from __future__ import annotations

import sys
import time
from contextlib import suppress

from .errors import need

LINES = 10  # about as many plain lines for a whole training,
SECONDS = 60  # and one a minute where it is long


class Progress:
    """Call it with the figures of each epoch; it writes to stderr, so that stdout holds results alone."""

    def __init__(self, epochs: int, done: int, quiet: bool = False) -> None:
        self.epochs, self.quiet = epochs, quiet
        self.every, self.said = max(1, epochs // LINES), time.monotonic()
        self.bar = None
        if sys.stderr.isatty() and not quiet:
            self.bar = need("tqdm").tqdm(total=epochs, initial=done, unit="epoch", file=sys.stderr, dynamic_ncols=True)

    def __call__(self, figures: dict[str, float]) -> None:
        epoch = int(figures["epoch"])
        state = (
            f"loss {figures['train_loss']:.4f}, accuracy {figures['train_accuracy']:.2%}, "
            f"held-out {figures['held_out_accuracy']:.2%}"
        )
        if self.bar is not None:
            self.bar.set_postfix_str(state, refresh=False)
            self.bar.update()
        elif not self.quiet and (
            epoch % self.every == 0 or epoch in (1, self.epochs) or time.monotonic() > self.said + SECONDS
        ):
            self.said = time.monotonic()
            with suppress(OSError):  # whoever read along has gone, or a disk is full: no reason to end a training
                print(f"epoch {epoch}/{self.epochs}: {state}", file=sys.stderr, flush=True)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        if self.bar is not None:
            self.bar.close()
