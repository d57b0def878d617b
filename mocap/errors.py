"""The exceptions of mocap.

Every message is a sentence: what was wrong, with the value, and what would have worked.

MocapError
├── InputError        a file, stream or array that was given cannot be used
│   └── NoPersonError no person was found in it
├── OutputError       a file cannot be written there or in that form
├── ModelError        the detector's weights or the viewer's files are missing or damaged
└── DeviceError       a camera or a port that is not there or is taken
"""


class MocapError(Exception):
    """Base class. The command line prints the message alone and exits with status 2."""


class InputError(MocapError):
    """A file, a stream or an array that was given cannot be used."""


class NoPersonError(InputError):
    """The input was readable, but no person was found in it."""


class OutputError(MocapError):
    """A file cannot be written there, or not in that form."""


class ModelError(MocapError):
    """The detector's weights or the viewer's files are missing or damaged."""


class DeviceError(MocapError):
    """A camera or a network port that does not exist, is taken, or is not permitted."""
