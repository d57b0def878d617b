"""The page's server and its protocol, `mocap.v1`."""

DEFAULT_PORT = 8765
"""The page's default port. It stands here because the command line needs it without websockets."""
