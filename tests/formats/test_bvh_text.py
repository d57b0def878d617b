"""BVH as other tools write it: variants, damage, and errors that name the line."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap.core import rotation as R
from mocap.core.motion import Motion
from mocap.errors import InputError
from mocap.formats import bvh
from mocap.formats.bvh import encoding
from mocap.formats.bvh import text as bvh_text
from mocap.formats.bvh.table import FrameTimeWarning
from tests.helpers import cost

PLAIN = """HIERARCHY
ROOT hip
{
  OFFSET 1 2 3
  CHANNELS 6 Xposition Yposition Zposition Yrotation Xrotation Zrotation
  JOINT knee
  {
    OFFSET 0 -40 0
    CHANNELS 1 Xrotation
    End Site
    {
      OFFSET 0 -40 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.0333333
10 90 0 90 0 0 0
20 90 0 90 0 0 90
"""


def test_a_hand_made_file_has_the_expected_motion() -> None:
    motion = bvh.loads(PLAIN)
    assert motion.skeleton.names == ("hip", "knee")
    assert motion.times.tolist() == [0.0, 1 / 30]
    assert np.allclose(motion.skeleton.offsets, [[0.01, 0.02, 0.03], [0, -0.4, 0]])
    assert np.allclose(motion.root_positions, [[0.1, 0.9, 0], [0.2, 0.9, 0]])
    assert (
        R.distance(
            motion.rotations[:, 0], R.from_rotation_vector(np.array([[0, np.pi / 2, 0]] * 2))
        ).max()
        < 1e-9
    )
    assert (
        R.distance(
            motion.rotations[1:, 1], R.from_rotation_vector(np.array([[np.pi / 2, 0, 0]]))
        ).max()
        < 1e-9
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.replace("\n", "\r\n"),
        lambda t: t.replace("\n", "\r"),
        lambda t: t.replace("0.0333333", "0.0333333 s").replace("End Site", 'ENDSITE "toe tip"'),
        lambda t: t.replace("CHANNELS 6", "End Site { OFFSET 0 0 0 }\n  CHANNELS 6"),
        lambda t: t.replace("  ", "\t"),
        lambda t: "\ufeff" + t + "\n  \n\n",
        lambda t: t.replace("Frames: 2\n", ""),
        lambda t: t.replace("Frames: 2", "Frames:"),
        lambda t: t.replace("\n{", " {").replace("\n  {", " {"),
        lambda t: t.replace("Xposition", "XPosition").replace("Frame Time:", "Frame Time :"),
        lambda t: t.replace("10 90 0 90", "10\t90  0 90"),
        lambda t: t.replace("20 90", "2e1 9.0E+1"),
        lambda t: t.rstrip("\n"),
        lambda t: t.lower(),
        lambda t: "# made by a tool\n" + t.replace("MOTION", "// the motion\nMOTION // here"),
        lambda t: t.replace("Frame Time", "# a comment\n\nFrame Time"),
        lambda t: t.replace("HIERARCHY", "\n\nHierarchy").replace("Frames:", "FRAMES:\t"),
    ],
)
def test_other_writers_variants_give_the_same_motion(change: object) -> None:
    motion, plain = bvh.loads(change(PLAIN)), bvh.loads(PLAIN)  # type: ignore[operator]
    assert motion.skeleton.names == plain.skeleton.names
    for field in ("times", "root_positions", "rotations"):
        assert np.array_equal(getattr(motion, field), getattr(plain, field))


def test_repeated_names_get_distinct_suffixes() -> None:
    assert bvh.loads(PLAIN.replace("knee", "hip")).skeleton.names == ("hip", "hip.2")


def test_a_wrong_frame_count_is_reported() -> None:
    with pytest.warns(UserWarning, match="declares 7 frames but has 2"):
        assert len(bvh.loads(PLAIN.replace("Frames: 2", "Frames: 7"))) == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "This is not a BVH file"),
        ("solid stl", "This is not a BVH file"),
        (PLAIN.replace("MOTION", ""), "a line MOTION"),
        (
            PLAIN.replace("OFFSET 0 -40 0", "OFFSET 0 -40", 1),
            "line 8: OFFSET needs three numbers, but has '0 -40'",
        ),
        (PLAIN.replace("CHANNELS 1", "CHANNELS 2"), "line 9: CHANNELS needs a count"),
        (PLAIN.replace("1 Xrotation", "1 Wrotation"), "line 9: .*'1 Wrotation'"),
        (PLAIN.replace("  JOINT knee", "  JOIN knee"), "line 6: 'JOIN' is not expected here"),
        (PLAIN.replace("}\nMOTION", "MOTION"), "a closing brace is missing"),
        (PLAIN.replace("JOINT knee", "ROOT knee"), "line 6: a ROOT must be at the top"),
        (
            PLAIN.replace("Frame Time: 0.0333333\n", ""),
            "line 18: a line 'Frame Time: seconds' is missing",
        ),
        (
            PLAIN.replace("0.0333333", "-1"),
            "line 18: Frame Time must be seconds, 0 or more, but is '-1'",
        ),
        (PLAIN.replace("20 90 0", "20 ninety 0"), "line 20: 'ninety' is not a finite number"),
        (PLAIN.replace("20 90 0", "20 9_0 0"), "line 20: '9_0' is not a finite number"),
        (PLAIN.replace("Frames: 2", "Frames: -2"), "line 17: Frames must be a whole .* is '-2'"),
        (PLAIN.replace("Frames: 2", "Frames: 1,2"), "line 17: Frames must be a whole .* '1,2'"),
        (PLAIN.replace("20 90 0", "20 nan 0"), "line 20: 'nan' is not a finite number"),
        (
            PLAIN.replace("10 90 0", "10 90"),
            "line 19: a frame needs 7 numbers, one for each channel, but has 6",
        ),
        (PLAIN.replace("20 90 0", "20,5 90 0"), "line 20: '20,5' has a decimal comma"),
        (PLAIN.replace("0.0333333", "0,0333333"), "line 18: '0,0333333' has a decimal comma"),
        (PLAIN.replace("OFFSET 0 -40 0", "OFFSET 0,0 -40,0 0,0", 1), "line 8: '0,0' has a decimal"),
        (PLAIN.replace("20 90 0", "-nan(ind) 90 0"), r"line 20: '-nan\(ind\)' is not a finite"),
    ],
)
def test_errors_name_the_line(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        bvh.loads(text)


@pytest.mark.parametrize(
    "timing",
    ["Frame Time: 1" + " " * 20_000 + "x", "Frames: 2\n" * 20_000 + "Frame Time: -1"],
)
def test_long_headers_are_refused_in_linear_time(timing: str) -> None:
    def refused() -> None:
        with pytest.raises(InputError, match="Frame Time must be seconds"):
            bvh.loads(PLAIN.replace("Frame Time: 0.0333333", timing))

    assert cost.seconds(refused, 1.0) < 1.0


def same(a: Motion, b: Motion) -> bool:
    return all(
        np.array_equal(getattr(a, field), getattr(b, field))
        for field in ("times", "root_positions", "rotations")
    )


def test_the_declared_frames_decide_where_the_data_ends() -> None:
    for tail, what in (
        ("10 1 2\n8 2\n", r"\."),
        ("3 keyframes\n", r"\."),
        ("1 2 3 4 5 6 7\n", "; if its lines are frames, correct 'Frames:'"),
    ):
        says = f"line 21: the text after the 2 declared frames is ignored{what}"
        with pytest.warns(UserWarning, match=says):
            assert same(bvh.loads(PLAIN.rstrip() + "\n" + tail), bvh.loads(PLAIN))


def test_a_truncated_last_line_is_dropped() -> None:
    with (
        pytest.warns(UserWarning, match="line 20: the last frame is cut off after 4 of 7"),
        pytest.warns(UserWarning, match="declares 2 frames but has 1"),
    ):
        cut = bvh.loads(PLAIN.rstrip().rsplit(" ", 3)[0])
    assert same(cut, bvh.loads(PLAIN).slice(0, 1))


def test_a_minus_sign_begins_a_new_number_without_a_space() -> None:
    spaced = PLAIN.replace("20 90 0", "20 90 -7.5")
    assert same(bvh.loads(spaced.replace("90 -7.5", "90-7.5")), bvh.loads(spaced))


def test_scale_channels_are_ignored() -> None:
    scaled = PLAIN.replace("CHANNELS 1 Xrotation", "CHANNELS 4 Xrotation Xscale Yscale Zscale")
    lines = scaled.rstrip().splitlines()
    lines[-2:] = [f"{line} 1 1 1" for line in lines[-2:]]
    assert same(bvh.loads("\n".join(lines)), bvh.loads(PLAIN))


def test_a_zero_frame_time_becomes_30_fps_with_a_note() -> None:
    still = PLAIN.replace("0.0333333", "0.0")
    with pytest.warns(FrameTimeWarning, match="Frame Time is 0; 30 frames per second"):
        assert same(bvh.loads(still), bvh.loads(PLAIN))


def test_a_frame_time_in_milliseconds_is_suspected() -> None:
    with pytest.warns(FrameTimeWarning, match="33.3 seconds; .*--source-fps 30.03"):
        bvh.loads(PLAIN.replace("0.0333333", "33.3"))


@pytest.mark.parametrize("name", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_text_of_other_encodings_is_read(name: str) -> None:
    data = (PLAIN.replace("\n", "\r") + "\x1a").encode(name)
    assert bvh_text.is_bvh(data)
    assert same(bvh.loads(encoding.decoded(data)), bvh.loads(PLAIN))


def test_the_first_of_several_roots_is_read() -> None:
    head, body = PLAIN.split("MOTION")
    other = head.replace("HIERARCHY\n", "").replace("ROOT ", "ROOT other_").replace("-40", "-50")
    header, frames = body.split("0.0333333\n")
    both = [f"{line} {line.replace('90', '91')}" for line in frames.strip().splitlines()]
    text = head + other + "MOTION" + header + "0.0333333\n" + "\n".join(both)
    first, second = bvh_text.root_names(text)
    assert same(bvh.loads(text), bvh.loads(PLAIN))
    assert same(bvh.loads(text, root=first), bvh.loads(PLAIN))
    assert bvh.loads(text, root=second).skeleton.offsets[1:] == pytest.approx(
        1.25 * bvh.loads(PLAIN).skeleton.offsets[1:]
    )
    assert bvh.loads(text, root=second).root_positions[0, 1] == pytest.approx(0.91)
    with pytest.raises(InputError, match=f"no ROOT 'third' .* it has {first}, {second}"):
        bvh.loads(text, root="third")


WILD = (
    "9" * 5000,
    "²",
    "1e-310",
    "1e999",
    "nan",
    "",
    "{",
    "}",
    "x" * 5000,
    "JOINT",
    "CHANNELS",
    "End Site",
    "{ " * 2000,
    "\0",
    "-1",
)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(WILD), st.booleans())
def test_random_words_are_read_or_refused_in_a_short_sentence(
    where: int, word: str, beside: bool
) -> None:
    words = re.split(r"(\s+)", PLAIN)
    at = where % len(words)
    words[at] = words[at] + " " + word if beside else word
    said = ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            bvh.loads("".join(words))
        except InputError as error:
            said = str(error)
    assert len(said) < 400
    assert "\n" not in said


@pytest.mark.parametrize(
    ("page", "hip", "knee"),
    [
        ("cp932", "センター", "左ひざ"),
        ("gb18030", "骨盆", "左膝盖"),
        ("big5", "骨盆", "左小腿骨骼關節部"),
        ("cp949", "골반", "왼쪽무릎"),
        ("cp1251", "Таз", "Голень_Л"),
        ("cp1252", "Hüfte", "Knöchel_L"),
    ],
)
def test_names_in_code_pages_of_several_countries_are_read(page: str, hip: str, knee: str) -> None:
    text = PLAIN.replace("hip", hip).replace("knee", knee)
    assert bvh.loads(encoding.decoded(text.encode(page))).skeleton.names == (hip, knee)


def test_bytes_of_no_encoding_are_replaced() -> None:
    data = PLAIN.encode().replace(b"knee", b"kn\xff\x81ee")
    assert bvh.loads(encoding.decoded(data)).skeleton.names == ("hip", "kn\ufffd\ufffdee")
