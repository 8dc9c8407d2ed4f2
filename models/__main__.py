"""`python -m models`: hand the command line over and leave with its exit code."""

import sys

from models.cli import main

sys.exit(main())
