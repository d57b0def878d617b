"""Fuzzing of every reader: of files, and of every message of a WebSocket.

seeds      small good inputs of each kind
damage     the same with damages
targets    reads an input as the program does, and says what is wrong with the result
campaign   fuzzes one kind for some seconds, guided by coverage where atheris is installed

A kind is named like the suffix of its files. Inputs that once failed are in tests/data/damaged/;
tests/studio/test_uploads.py reads them all.
"""
