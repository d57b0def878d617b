"""mocap's numbers: each module measures one thing and gives tables.  `make bench`, or `python -m tests.benchmarks --help`."""

import sys
from pathlib import Path

# The modules share their made-up bodies and viewers with the tests beside them.
sys.path[:0] = [path for path in map(str, Path(__file__).parents[1:3]) if path not in sys.path]
