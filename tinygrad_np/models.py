"""In a checkout: the recipes beside the package, under the name that they have where it is installed.

A wheel has the folder itself in this place. `python -m tinygrad_np.models` is `python -m models`.
"""

import sys
from pathlib import Path

import models  # what it sets before NumPy is loaded

__path__ = [str(Path(models.__file__).parent)]

if __name__ == "__main__":
    from tinygrad_np.models.cli import main

    sys.exit(main())
