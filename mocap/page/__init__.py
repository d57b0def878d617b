"""The page that needs no install: mocap in the browser, behind the viewer's own messages."""
