"""Who leads: turns change as pages choose, none is lost, and the end ends the one that is on."""

from __future__ import annotations

import threading

from mocap.live.lead import Lead


class Turns:
    """Turns that note when they begin, and last until they are told to leave."""

    def __init__(self, lead: Lead) -> None:
        self.begun: list[str] = []
        self._changed = threading.Condition()
        turns = {
            "server": lambda leave: self._turn("server", leave),
            "browser": lambda leave: self._turn("browser", leave),
        }
        self.thread = threading.Thread(target=lead.follow, args=(turns,))
        self.thread.start()

    def _turn(self, who: str, leave: threading.Event) -> None:
        with self._changed:
            self.begun.append(who)
            self._changed.notify_all()
        assert leave.wait(20)

    def until(self, *begun: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.begun == list(begun), 10), self.begun


def test_turns_change_as_they_are_chosen_and_end() -> None:
    lead = Lead("server")
    turns = Turns(lead)
    turns.until("server")
    lead.choose("browser")
    turns.until("server", "browser")
    lead.choose("browser")  # leads already: nobody is interrupted
    lead.choose("server")
    turns.until("server", "browser", "server")
    lead.end()
    turns.thread.join(10)
    assert not turns.thread.is_alive()


def test_a_turn_that_ends_by_itself_ends_it_all() -> None:
    done = []
    Lead("server").follow(
        {"server": lambda leave: done.append(1), "browser": lambda leave: done.append(2)}
    )
    assert done == [1]


def test_what_was_over_before_it_began_never_begins() -> None:
    lead = Lead("browser")
    lead.end()
    lead.follow({"server": lambda leave: 1 / 0, "browser": lambda leave: 1 / 0})
