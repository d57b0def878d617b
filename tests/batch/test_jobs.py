"""Finding clips in folders, naming their outputs, and deciding which are up to date."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from mocap.bake import BakeOptions
from mocap.batch.jobs import Clip, Job, find_clips, make_folders, plan
from mocap.batch.ledger import FOLDER, done_in, fingerprint, is_current, record
from mocap.errors import InputError, OutputError
from mocap.solve.tuning import SolveOptions
from mocap.transfer import Saved

SAVED = Saved(1, 30, 1.0, 30.0, 0)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a folder with videos, a take, a folder of images and other files."""
    top = tmp_path / "shoot"
    for name in ("b10.mp4", "b9.MOV", "notes.txt", ".hidden.mp4", "day2/a.mp4", "day2/take.jsonl"):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(b"x")
    (top / "stills").mkdir()
    (top / "stills" / "1.png").write_bytes(b"x")
    return top


def names(clips: list[Clip], top: Path) -> list[str]:
    return [clip.path.relative_to(top).as_posix() for clip in clips]


def test_a_folder_expands_to_its_clips(tree: Path) -> None:
    assert names(find_clips([tree]), tree) == ["b9.MOV", "b10.mp4"]
    everything = find_clips([tree], recursive=True)
    assert names(everything, tree) == [
        "b9.MOV", "b10.mp4", "day2/a.mp4", "day2/take.jsonl", "stills",
    ]  # fmt: skip
    # A folder of images is one clip, and what is named itself is taken as it is.
    assert find_clips([tree / "stills", tree / "notes.txt"]) == [
        Clip(tree / "stills"),
        Clip(tree / "notes.txt"),
    ]


def test_a_folder_without_clips_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no video, image or keypoints file .* --recursive"):
        find_clips([tmp_path])


def test_outputs_keep_the_names_and_folders_of_the_clips(tree: Path, tmp_path: Path) -> None:
    template = tmp_path / "out" / "{folder}" / "{name}.bvh"
    jobs = plan(find_clips([tree], recursive=True), [template], BakeOptions())
    outputs = [job.outputs[0].relative_to(tmp_path / "out").as_posix() for job in jobs]
    assert outputs == ["b9.bvh", "b10.bvh", "day2/a.bvh", "day2/take.bvh", "stills.bvh"]
    make_folders(jobs, [template])
    assert (tmp_path / "out" / "day2").is_dir()


def test_two_clips_never_share_an_output(tree: Path) -> None:
    clips = [Clip(tree / "b9.MOV"), Clip(tree / "day2" / "b9.mp4")]
    with pytest.raises(OutputError, match=r"cannot all be written to one\.bvh.*\{name\}"):
        plan(clips, [Path("one.bvh")], BakeOptions())
    with pytest.raises(OutputError, match=r"b9\.MOV and .*b9\.mp4 would be one file.*\{folder\}"):
        plan(clips, [Path("{name}.bvh")], BakeOptions())


def test_what_is_up_to_date_depends_on_input_options_and_version(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(tree / "b10.mp4", (tree / "out.bvh",), BakeOptions())
    job.outputs[0].write_bytes(b"motion")
    assert not is_current(job)  # written by someone else
    record(job, fingerprint(job), "monday", [(job.outputs[0], SAVED)])
    assert is_current(job)
    assert done_in(job, "monday") == ((job.outputs[0], SAVED),)
    assert done_in(job, "tuesday") is None
    assert not is_current(replace(job, options=BakeOptions(solve=SolveOptions(feet="off"))))
    # Chunks change the result a little; their number of processes does not.
    chunked = replace(job, options=BakeOptions(workers=2))
    assert not is_current(chunked)
    assert fingerprint(chunked) == fingerprint(replace(job, options=BakeOptions(workers=3)))
    with monkeypatch.context() as patch:
        patch.setattr("mocap.batch.ledger.version", lambda name: "99")
        assert not is_current(job)
    os.utime(job.path, ns=(1, 1))
    assert not is_current(job)
    record(job, fingerprint(job), "monday", [(job.outputs[0], SAVED)])
    job.outputs[0].write_bytes(b"another")
    assert not is_current(job)
    (tree / FOLDER / "out.bvh.json").write_text("no JSON")
    assert not is_current(job)
