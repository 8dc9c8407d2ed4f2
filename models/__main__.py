"""`python -m models`: hand the command line over and leave with its exit code."""

import sys

from .cli import main

sys.exit(main())
