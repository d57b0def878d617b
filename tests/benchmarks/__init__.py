"""mocap's figures: each module measures one thing and gives tables.

`make bench`, or `python -m tests.benchmarks --help`.
"""
