"""The live session: sources to poses to viewers.

Session    serve.py (`mocap live`), session.py, state.py (transitions), options.py, worker.py (the
           solver's thread), orders.py (requests to it)
Performer  performer.py (one), several.py (several people), in_view.py, avatar.py
Sources    clock.py, server_cameras.py, cameras.py and incoming.py (pages' cameras), ingest.py
Output     broadcast.py, messages.py, vmc_output.py
"""
