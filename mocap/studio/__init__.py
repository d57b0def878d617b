"""The studio: takes, re-solving and export, at the page's request.

Requests  studio.py, connection.py, messages.py, desk.py (the work)
Takes     takes.py, recorder.py, pictures.py, source_view.py
Others    characters.py (uploads), view.py (`mocap view`)
"""
