"""The studio of the page that needs no install: `mocap.studio.v1` without a socket."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from mocap.errors import MocapError
from mocap.stream.content import Files
from mocap.studio import messages as studio
from mocap.studio.desk import Desk

_LONG = (studio.Open, studio.Export, studio.Upload, studio.Remap)
_TELL_EVERY = 0.1  # seconds between two messages about progress


class PageStudio:
    """Answers the requests of the page, one after another.

    Args:
        desk: Does the work.
        files: The table to which the desk adds finished files.
        send: Called with each text for the page.
    """

    def __init__(self, desk: Desk, files: Files, send: Callable[[str], None]) -> None:
        self._desk, self._files, self._send = desk, files, send

    def ask(self, text: str, data: bytes = b"") -> None:
        """Carry out a request, and send the answer.

        Args:
            text: A message of `mocap.studio.v1`.
            data: The file of an upload.
        """
        ask = studio.parse(text)
        try:
            answer = self._do(ask, data)
        except MocapError as error:
            answer = studio.answer(ask, error=str(error))
        except OSError as error:
            sentence = f"A file cannot be read or written: {error.strerror or error}."
            answer = studio.answer(ask, error=sentence)
        except Exception as error:
            sentence = f"This failed ({type(error).__name__}: {error})."[:300]
            answer = studio.answer(ask, error=sentence)
        self._send(answer)

    def file(self, address: str) -> bytes | None:
        """Return a finished file by its address in an answer; None if there is none."""
        found = self._files.get("/" + address.lstrip("/"))
        if found is None:
            return None
        content = found[0]
        return content.read_bytes() if isinstance(content, Path) else content

    def _do(self, ask: studio.Ask, data: bytes) -> str:
        if isinstance(ask, studio.Cancel):
            return studio.answer(ask)  # requests are done one by one, so it has finished
        if not isinstance(ask, _LONG):
            return studio.answer(ask, **self._desk.quick(ask))
        told = -1.0

        def progress(part: float) -> None:
            nonlocal told
            now = time.monotonic()
            if now - told >= _TELL_EVERY:
                told = now
                self._send(studio.progress(ask, part))

        return studio.answer(ask, **self._desk.work(ask, data, progress))
