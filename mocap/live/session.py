"""A live session: its state, and the requests of pages."""

from __future__ import annotations

from collections.abc import Callable

from mocap.live.orders import Orders
from mocap.live.state import LiveState
from mocap.stream import protocol

Announce = Callable[[LiveState | None, LiveState], None]


class LiveSession:
    """The state of a live session, and its answers to pages. It belongs to the event loop.

    Args:
        state: The state at the start.
        orders: The requests to the solver's thread.
        browser: Returns the pages' cameras as a source.
        announce: Sends clients a change: called with the state before, None at first, and after.
        send_vmc: Sends poses to a VMC receiver, or stops; it then changes the session's state.
    """

    def __init__(
        self,
        state: LiveState,
        orders: Orders,
        browser: Callable[[], protocol.SourceInfo],
        announce: Announce,
        send_vmc: Callable[[protocol.VmcOutput | None], None],
    ) -> None:
        self.state = state
        self._orders, self._browser = orders, browser
        self._announce, self._send_vmc = announce, send_vmc
        announce(None, state)

    def apply(self, transition: Callable[[LiveState], LiveState]) -> None:
        """Change the state, and announce the change."""
        before, self.state = self.state, transition(self.state)
        if self.state != before:
            self._announce(before, self.state)

    def ask(self, ask: protocol.Ask) -> None:
        """Carry out a request of a page."""
        match ask:
            case protocol.Calibrate():
                self._orders.calibrate()
            case protocol.NextPerson():
                self._orders.person(ask)
            case protocol.Lead(who):
                self.choose(who)
            case protocol.Tune():
                self.apply(lambda state: state.tuned(ask))
                self._orders.tuning = self.state.tuning
            case protocol.Vmc(output):
                self._send_vmc(output)

    def choose(self, who: protocol.Who) -> None:
        """Switch to a source; no-op if it is already active."""
        if who == self.state.active:
            return
        self.apply(lambda state: state.chosen(who))
        if who == "browser":
            self.apply(lambda state: state.opened(self._browser()))
        self._orders.choose(who)

    def use_server(self) -> None:
        """Open the server's source, again if it is active."""
        if self.state.active == "server":
            self._orders.reopen()
        else:
            self.choose("server")

    def camera_began(self, shown: protocol.SourceInfo) -> None:
        """Switch to pages' cameras, at the first frame of one."""
        self.choose("browser")
        self.apply(lambda state: state.opened(shown))

    def cameras_left(self) -> None:
        """Handle the end of the last of the pages' cameras."""
        self.apply(lambda state: state.left())

    def refuse(self, sentence: str) -> None:
        """Return to pages' cameras, because the server's source cannot be opened."""
        self.choose("browser")
        self.apply(lambda state: state.failed(sentence))
