"""The state of a live session and its transitions, without threads and sockets.

    starting ── the source opens ──> running <── the first frame ── waiting
        ^                              │  ^                            ^
        │                              │  └── it opens again ──┐       │ a page's camera leaves
        └── choose "server" ──         └── it fails ──────> lost
                                                                       └── choose "browser"

A transition is a pure function of the state that returns the next one; `announcements` compares two
states and returns what clients are to be sent. The event loop alone holds the current state.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from mocap.solve.tuning import Tuning
from mocap.stream import protocol


class RecordingState(NamedTuple):
    """What is being recorded: the take's name or None, its length (s), whether pictures too."""

    name: str | None = None
    seconds: float = 0.0
    pictures: bool = False


@dataclass(frozen=True, slots=True)
class LiveState:
    """What a live session does now.

    Attributes:
        active: The active source: the server's own, or pages' cameras.
        shown: What the active source shows.
        source: The active source's state.
        missing: Parts of the performer that have not been in view for two seconds.
        recording: Name of the take that is being recorded, or None.
        recorded: Its length so far in whole seconds.
        pictures: Whether it keeps the source's pictures.
        disk: State of the disk that takes are written to.
        vmc: The VMC receiver, or None.
        tuning: How live poses are made.
        problem: A sentence about what went wrong, or "".
    """

    active: protocol.Who
    shown: protocol.SourceInfo
    source: protocol.SourceState = "starting"
    missing: tuple[protocol.BodyPart, ...] = ()
    recording: str | None = None
    recorded: float = 0.0
    pictures: bool = False
    disk: protocol.DiskState = "ok"
    vmc: protocol.VmcOutput | None = None
    tuning: Tuning = field(default_factory=Tuning)
    problem: str = ""

    def chosen(self, who: protocol.Who) -> LiveState:
        """Switch to a source; no-op if it is already active."""
        if who == self.active:
            return self
        source: protocol.SourceState = "starting" if who == "server" else "waiting"
        return replace(self, active=who, source=source, missing=(), problem="")

    def opened(self, shown: protocol.SourceInfo) -> LiveState:
        """The active source has begun: the server's is running, a page's camera is awaited."""
        source: protocol.SourceState = "running" if self.active == "server" else "waiting"
        return replace(self, shown=shown, source=source, problem="")

    def seen(self, missing: tuple[protocol.BodyPart, ...]) -> LiveState:
        """A frame of the active source, in which these parts have been missing for two seconds."""
        return replace(self, source="running", missing=missing)

    def left(self) -> LiveState:
        """The last of the pages' cameras has left."""
        if self.active != "browser":
            return self
        return replace(self, source="waiting", missing=())

    def with_recording(self, now: RecordingState) -> LiveState:
        """What is recorded has changed, or a second of it has passed."""
        recorded = float(int(now.seconds))
        return replace(self, recording=now.name, recorded=recorded, pictures=now.pictures)

    def lost(self, sentence: str) -> LiveState:
        """The active source has failed and is tried again."""
        return replace(self, source="lost", missing=(), problem=sentence)

    def failed(self, sentence: str) -> LiveState:
        """An unexpected error; the session goes on."""
        return replace(self, problem=sentence)

    def tuned(self, tune: protocol.Tune) -> LiveState:
        """Live poses are made another way."""
        return replace(self, tuning=Tuning(tune.smoothing, tune.feet, tune.hips))


Announcement = protocol.ServerState | protocol.Tuned | protocol.Status


def announcements(before: LiveState | None, after: LiveState) -> list[Announcement]:
    """Return the messages that tell clients of a change, without the hello.

    Args:
        before: The state that clients know, or None if they know none.
        after: The state now.

    Returns:
        The messages, none where nothing changed that they carry.
    """
    sent: list[Announcement] = []
    if before is None or _state(before) != _state(after):
        sent.append(_state(after))
    if before is None or before.tuning != after.tuning:
        tuning = after.tuning
        sent.append(protocol.Tuned(tuning.smoothing, tuning.feet, tuning.hips, tuning.lag))
    if (before.problem if before else "") != after.problem:
        sent.append(protocol.Status("error" if after.problem else "info", after.problem[:1000]))
    return sent


def _state(state: LiveState) -> protocol.ServerState:
    return protocol.ServerState(
        state.source,
        state.recording,
        state.recorded,
        state.missing,
        state.disk,
        state.vmc,
        state.pictures,
    )
