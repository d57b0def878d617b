"""The page's server and its protocol, `mocap.v1`.

protocol, binary, text    the messages, without I/O
seen                      what a viewer's camera may send
server, client, flow      the WebSocket server: a sender for each viewer, and flow control
ports, gate               listening ports, and limits of connections
access, files             the access policy; responses to requests for files
lan                       HTTPS for phones in the local network
clip                      a whole motion for the page to play
vmc                       poses over VMC to other programs
"""

DEFAULT_PORT = 8765
"""The page's default port; it is here so that the command line need not import websockets."""
