"""The live session's transitions, without threads and sockets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocap.live.orders import Orders, Requests
from mocap.live.session import LiveSession
from mocap.live.state import LiveState, announcements
from mocap.solve.tuning import Tuning
from mocap.stream import protocol

VIDEO = protocol.SourceInfo("video", "dance.mp4", 640, 360)
PHONE = protocol.SourceInfo("browser", "a phone", 480, 640)
VMC = protocol.VmcOutput("127.0.0.1:39539", "vrm0")


class Scene:
    """A session that collects its announcements and its requests to send VMC."""

    def __init__(self, active: protocol.Who = "server") -> None:
        self.orders = Orders(active)
        self.announced: list[tuple[LiveState | None, LiveState]] = []
        self.vmc: list[protocol.VmcOutput | None] = []
        self.session = LiveSession(
            LiveState(active, VIDEO if active == "server" else PHONE),
            self.orders,
            browser=lambda: PHONE,
            announce=lambda before, after: self.announced.append((before, after)),
            send_vmc=self.vmc.append,
        )

    @property
    def state(self) -> LiveState:
        return self.session.state


def test_the_first_state_and_then_only_changes_are_announced() -> None:
    scene = Scene()
    assert scene.announced == [(None, scene.state)]
    scene.session.apply(lambda state: state)
    scene.session.choose("server")
    assert len(scene.announced) == 1


def test_a_source_runs_is_lost_and_comes_back() -> None:
    scene = Scene()
    apply = scene.session.apply
    assert scene.state.source == "starting"
    apply(lambda s: s.opened(VIDEO))
    assert scene.state.source == "running"
    apply(lambda s: s.seen(("feet",)))
    assert scene.state.missing == ("feet",)
    apply(lambda s: s.lost("Camera 0 has stopped."))
    assert (scene.state.source, scene.state.missing) == ("lost", ())
    assert scene.state.problem == "Camera 0 has stopped."
    apply(lambda s: s.opened(VIDEO))
    assert (scene.state.source, scene.state.problem) == ("running", "")


def test_a_pages_camera_becomes_active_with_its_first_frame_and_is_awaited_when_it_leaves() -> None:
    scene = Scene()
    scene.session.camera_began(PHONE)
    assert (scene.state.active, scene.state.shown, scene.state.source) == (
        "browser",
        PHONE,
        "waiting",
    )
    assert scene.orders.leave.is_set()
    scene.session.apply(lambda s: s.seen(()))
    assert scene.state.source == "running"
    scene.session.cameras_left()
    assert scene.state.source == "waiting"
    scene.session.choose("server")
    scene.session.cameras_left()
    assert scene.state.source == "starting", "the server's source does not depend on cameras"


def test_a_source_that_cannot_be_opened_keeps_pages_cameras_active() -> None:
    scene = Scene("browser")
    scene.session.choose("server")
    scene.session.refuse("There is no camera 0.")
    assert scene.state.active == "browser"
    assert scene.state.shown == PHONE
    assert scene.state.problem == "There is no camera 0."


def test_requests_of_pages_reach_the_solver() -> None:
    scene = Scene()
    ask = scene.session.ask
    ask(protocol.Calibrate())
    ask(protocol.NextPerson((0.25, 0.5)))
    assert scene.orders.take() == Requests(True, protocol.NextPerson((0.25, 0.5)))
    assert scene.orders.take() == Requests()
    ask(protocol.Tune(2.0, "always", "locked"))
    assert scene.orders.tuning == scene.state.tuning == Tuning(2.0, "always", "locked")
    ask(protocol.Vmc(VMC))
    ask(protocol.Vmc(None))
    assert scene.vmc == [VMC, None]
    ask(protocol.Lead("browser"))
    assert scene.state.active == "browser"


TRANSITIONS: dict[str, Any] = {
    "chosen server": lambda s: s.chosen("server"),
    "chosen browser": lambda s: s.chosen("browser"),
    "opened": lambda s: s.opened(VIDEO),
    "seen": lambda s: s.seen(("person",)),
    "left": LiveState.left,
    "lost": lambda s: s.lost("Lost."),
    "failed": lambda s: s.failed("Failed."),
    "tuned": lambda s: s.tuned(protocol.Tune(1.0, "off", "free")),
}


@given(st.lists(st.sampled_from(sorted(TRANSITIONS))))
def test_any_order_of_events_gives_a_valid_state(events: list[str]) -> None:
    """Clients that replay the announcements reach the same state."""
    state = LiveState("server", VIDEO)
    known = {type(m): m for m in announcements(None, state)}
    for event in events:
        before, state = state, TRANSITIONS[event](state)
        for message in announcements(before, state):
            assert protocol.decode_server_text(protocol.encode_text(message)) == message
            known[type(message)] = message
    for message in announcements(None, state):
        assert known[type(message)] == message
    assert announcements(state, state) == []
    if state.source == "lost":
        assert state.missing == ()


def test_the_active_source_runs_until_it_changes_or_ends() -> None:
    orders, begun = Orders("server"), []

    def server() -> None:
        begun.append("server")
        orders.choose("server")  # active already: the turn goes on
        assert not orders.leave.is_set()
        orders.choose("browser")
        assert orders.leave.is_set()

    def browser() -> None:
        begun.append("browser")
        if len(begun) == 3:
            orders.end()

    orders.turns({"server": server, "browser": browser})
    assert begun == ["server", "browser", "browser"], "a turn that ends by itself is run again"


def test_a_session_stopped_before_its_start_runs_nothing() -> None:
    orders = Orders("browser")
    orders.end()
    orders.turns({"server": pytest.fail, "browser": pytest.fail})


def test_the_newest_request_for_a_person_wins() -> None:
    orders = Orders("server")
    orders.person(protocol.NextPerson())
    orders.person(protocol.NextPerson((1.0, 0.0)))
    assert orders.take().person == protocol.NextPerson((1.0, 0.0))
