"""Baking many clips.

jobs.py      clips and their outputs
run.py       one clip after another
cluster.py   on a Dask cluster
ledger.py    entries by which an interrupted batch is resumed
"""
