"""The exceptions of mocap.

Every message is a sentence that says what is wrong, with the value, and what to do.

MocapError
├── InputError        a file, a stream or an array cannot be used
│   └── NoPersonError no person was found in the input
├── OutputError       a file cannot be written to this path or in this format
├── ModelError        the detector's weights or the viewer's files are missing or damaged
└── DeviceError       a camera, a port or a package is missing, in use or not permitted
"""


class MocapError(Exception):
    """Base class. The command line prints the message alone and exits with status 2."""


class InputError(MocapError):
    """A file, a stream or an array cannot be used."""


class NoPersonError(InputError):
    """The input was readable, but no person was found in it."""


class OutputError(MocapError):
    """A file cannot be written to this path or in this format."""


class ModelError(MocapError):
    """The detector's weights or the viewer's files are missing or damaged."""


class DeviceError(MocapError):
    """A camera, a network port or a package is missing, in use or not permitted."""
