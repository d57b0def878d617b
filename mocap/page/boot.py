"""The object that a worker in the browser calls: mocap behind the page that needs no install."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mocap.page.convert import Converter
from mocap.page.live import PageSession
from mocap.page.studio import PageStudio
from mocap.stream import protocol
from mocap.stream.content import Files
from mocap.studio.desk import Desk


class Page:
    """The live session and the studio of one page.

    Args:
        hello: The hello of `mocap.v1` that the page shows, as JSON.
        folder: The folder of takes.
        stream: Called with each message of `mocap.v1` for the page.
        studio: Called with each text of `mocap.studio.v1` for the page.
    """

    def __init__(
        self,
        hello: str,
        folder: str,
        stream: Callable[[str | bytes], None],
        studio: Callable[[str], None],
    ) -> None:
        message = protocol.decode_server_text(hello)
        assert isinstance(message, protocol.Hello)
        files: Files = {}
        self._desk = Desk(Path(folder), files, message.expressions)
        self._live = PageSession(message, stream, self._desk.hear, self._desk.see)
        self._studio = PageStudio(self._desk, files, studio)
        self._converter = Converter(self._desk, files, message.expressions)

    def text(self, message: str) -> None:
        """Process a text message of `mocap.v1`."""
        self._live.text(message)

    def binary(self, data: bytes) -> None:
        """Process keypoints or a face from the page's camera."""
        self._live.binary(data)
        self._show_recording()

    def ask(self, text: str, data: bytes = b"") -> None:
        """Answer a text of `mocap.studio.v1`; `data` is the file of an upload."""
        self._studio.ask(text, data)
        self._show_recording()

    def convert(self, name: str, data: bytes, suffix: str, rig: str | None) -> str:
        """Read a motion's file and write it in another format, as `Converter.convert`.

        Args:
            name: As in `Converter.convert`.
            data: As in `Converter.convert`.
            suffix: As in `Converter.convert`.
            rig: As in `Converter.convert`.
        """
        return self._converter.convert(name, data, suffix, rig)

    def onto(self, name: str, data: bytes) -> str:
        """Read a character that later conversions move, as `Converter.onto`."""
        return self._converter.onto(name, data)

    def file(self, address: str) -> bytes | None:
        """Return a finished file by its address in an answer; None if there is none."""
        return self._studio.file(address)

    def recording(self) -> str:
        """Return the name of the take that is being recorded, "" for none."""
        return self._desk.recording()[0] or ""

    def _show_recording(self) -> None:
        recording = self._desk.recording()
        self._live.apply(lambda state: state.with_recording(recording))
