"""The state of a live session and its transitions, without threads and sockets.

    starting ── the source opens ──> running <── the first frame ── waiting
        ^                              │  ^                            ^
        │                              │  └── it opens again ──┐       │ a page's camera leaves
        └── choose "server" ──         └── it fails ──────> lost
                                                                       └── choose "browser"

A transition is a pure function of the state that returns the next state; `announcements` compares
two states and returns the messages for clients. The current state belongs to the event loop.
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
    """The state of a live session.

    Attributes:
        active: The active source: the server's own, or pages' cameras.
        shown: The active source, as shown on the page.
        source: The active source's state.
        missing: Parts of the performer that have not been in view for two seconds.
        recording: Name of the take that is being recorded, or None.
        recorded: Its length so far in whole seconds.
        pictures: Whether it keeps the source's pictures.
        disk: State of the disk that takes are written to.
        vmc: The VMC receiver, or None.
        tuning: The live settings.
        problem: A sentence about the last error, or "".
        notice: A sentence for the performer, or "".
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
    notice: str = ""

    def chosen(self, who: protocol.Who) -> LiveState:
        """Switch to a source; no-op if it is already active."""
        if who == self.active:
            return self
        source: protocol.SourceState = "starting" if who == "server" else "waiting"
        return replace(self, active=who, source=source, missing=(), problem="", notice="")

    def opened(self, shown: protocol.SourceInfo) -> LiveState:
        """Return the state after the active source has begun: running, or waiting for a page."""
        source: protocol.SourceState = "running" if self.active == "server" else "waiting"
        return replace(self, shown=shown, source=source, problem="")

    def seen(self, missing: tuple[protocol.BodyPart, ...]) -> LiveState:
        """Return the state after a frame with these missing parts."""
        return replace(self, source="running", missing=missing)

    def left(self) -> LiveState:
        """Return the state after the end of the last of the pages' cameras."""
        if self.active != "browser":
            return self
        return replace(self, source="waiting", missing=())

    def with_recording(self, now: RecordingState) -> LiveState:
        """What is recorded has changed, or a second of it has passed."""
        recorded = float(int(now.seconds))
        return replace(self, recording=now.name, recorded=recorded, pictures=now.pictures)

    def lost(self, sentence: str) -> LiveState:
        """Return the state after the active source has failed; it is opened again."""
        return replace(self, source="lost", missing=(), problem=sentence)

    def failed(self, sentence: str) -> LiveState:
        """Return the state after an unexpected error; the session continues."""
        return replace(self, problem=sentence)

    def noticed(self, sentence: str) -> LiveState:
        """Return the state with a sentence for the performer."""
        return replace(self, notice=sentence)

    def tuned(self, tune: protocol.Tune) -> LiveState:
        """Return the state with other live settings."""
        return replace(self, tuning=Tuning(tune.smoothing, tune.feet, tune.hips))


Announcement = protocol.ServerState | protocol.Tuned | protocol.Status


def announcements(before: LiveState | None, after: LiveState) -> list[Announcement]:
    """Return the messages for clients about a change of state, without the hello.

    Args:
        before: The state that clients know, or None if they know none.
        after: The current state.
    """
    sent: list[Announcement] = []
    if before is None or _state(before) != _state(after):
        sent.append(_state(after))
    if before is None or before.tuning != after.tuning:
        tuning = after.tuning
        sent.append(protocol.Tuned(tuning.smoothing, tuning.feet, tuning.hips, tuning.lag))
    if (before.problem if before else "") != after.problem:
        sent.append(protocol.Status("error" if after.problem else "info", after.problem[:1000]))
    if after.notice and (before is None or before.notice != after.notice):
        sent.append(protocol.Status("info", after.notice[:1000]))
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
