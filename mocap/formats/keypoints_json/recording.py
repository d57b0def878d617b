"""Recording of a take: keypoints as JSON Lines, each frame written as it arrives."""

from __future__ import annotations

import os
import time
from pathlib import Path

from mocap.core.closing import Closing
from mocap.core.keypoints import Keypoints
from mocap.errors import OutputError
from mocap.formats.keypoints_json.write import frame_line, header_line

SUFFIX = ".jsonl"
# Seconds between writes to the disk itself: most that a power cut loses. A crash of the program
# loses no frame that was appended.
_TO_DISK_EVERY = 1.0


class Recording(Closing):
    """Appends keypoints to a new file. Existing files are not overwritten."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            OutputError: The suffix is not .jsonl, the file exists, or the place cannot be written.
        """
        if path.suffix.lower() != SUFFIX:
            raise OutputError(
                f"{path.name!r} cannot be recorded to: a take is JSON Lines, so its name must end "
                f"in {SUFFIX}."
            )
        try:
            self._file = path.open("xb", buffering=0)
        except FileExistsError:
            raise OutputError(
                f"{path} exists already, and a recording does not overwrite files: give a new name."
            ) from None
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror or error}.") from None
        self.path = path
        self.frames = 0
        self._synced = time.monotonic()

    def append(self, keypoints: Keypoints) -> None:
        """Append all frames of these keypoints.

        Args:
            keypoints: Any number of frames.

        Raises:
            OutputError: The file cannot be written, for example because the disk is full. The file
                is closed.
        """
        lines = [] if self.frames else [header_line(keypoints.camera)]
        lines += [frame_line(keypoints, i) for i in range(len(keypoints))]
        try:
            data = memoryview("".join(lines).encode())
            while data:  # an unbuffered write may write only a part
                data = data[self._file.write(data) :]
            if time.monotonic() - self._synced > _TO_DISK_EVERY:
                os.fsync(self._file.fileno())
                self._synced = time.monotonic()
        except OSError as error:
            self.close()
            raise OutputError(
                f"Recording to {self.path} ended after {self.frames} frames: "
                f"{error.strerror or error}."
            ) from None
        self.frames += len(keypoints)

    @property
    def ended(self) -> bool:
        """Whether the recording is closed."""
        return self._file.closed

    def close(self) -> None:
        """Close the file; delete it if it has no frames."""
        if not self._file.closed:
            self._file.close()
            if not self.frames:
                self.path.unlink(missing_ok=True)
