"""Flow control of a client: three frames in flight, spread over its drawing time."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from mocap.stream.flow import CREDIT, MAX_INTERVAL, Flow

ROUNDING = 1e-9  # of an hour's seconds, as doubles


def test_up_to_three_frames_are_in_flight():
    flow = Flow()
    for frame in range(3):
        assert flow.wait(float(frame)) == 0.0
        flow.sent(frame, float(frame))
    assert flow.wait(1e6) is None


def test_an_acknowledgement_covers_the_frames_before_it():
    flow = Flow()
    for frame in (10, 20, 30):
        flow.sent(frame, 0.0)
    flow.acknowledged(25, 1.0)
    for frame in (40, 50):
        assert flow.wait(1.0) is not None
        flow.sent(frame, 1.0)
    assert flow.wait(1.0) is None


def test_stale_and_repeated_acknowledgements_are_ignored():
    flow = Flow()
    for frame in (10, 20, 30):
        flow.sent(frame, 0.0)
    for _ in range(5):
        flow.acknowledged(9, 0.0)
    assert flow.wait(0.0) is None
    flow.acknowledged(10, 0.0)
    flow.sent(40, 0.0)
    for _ in range(5):
        flow.acknowledged(10, 0.0)
    assert flow.wait(0.0) is None


def test_frames_for_a_slow_client_are_a_third_of_its_drawing_time_apart():
    flow = Flow()
    sent = []
    frame = 0
    for tick in range(1, 1000):
        now = tick / 64  # exact in binary, as 20/64 is
        if tick % 60 == 0:
            flow.acknowledged(frame, now)
        if flow.wait(now) == 0.0:
            frame += 1
            flow.sent(frame, now)
            sent.append(tick)
    gaps = [b - a for a, b in itertools.pairwise(sent)]
    assert gaps[:3] == [
        5,
        5,
        49,
    ]  # until its drawing time is known: ticks of 1/64 s that make up a third of FIRST_INTERVAL
    assert set(gaps[3:]) == {20}


def test_a_client_that_has_drawn_everything_never_waits():
    flow = Flow()
    for frame, now in enumerate((0.0, 0.3, 0.6, 3600.0)):
        assert flow.wait(now) == 0.0
        flow.sent(frame, now)
        flow.acknowledged(frame, now + 0.2)
    flow.sent(4, 3600.3)
    assert 0.0 < flow.wait(3600.3) <= MAX_INTERVAL / CREDIT + ROUNDING


@given(st.lists(st.tuples(st.sampled_from(("send", "ack")), st.integers(0, 60), st.floats(0, 2))))
def test_any_client_has_at_most_three_frames_in_flight_and_never_starves(events):
    flow, now, frame, owed = Flow(), 0.0, 0, []
    for what, number, delay in events:
        now += delay
        if what == "send" and flow.wait(now) == 0.0:
            frame += 1
            flow.sent(frame, now)
            owed.append(frame)
        elif what == "ack":
            flow.acknowledged(number, now)
            owed = [f for f in owed if f > number]
        assert len(owed) <= CREDIT
        wait = flow.wait(now)
        assert (wait is None) == (len(owed) == CREDIT)
        assert wait is None or 0.0 <= wait <= MAX_INTERVAL / CREDIT + ROUNDING
