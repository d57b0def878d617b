"""The user's own avatar: chosen or dropped, checked, corrected, and kept over a reload."""

from __future__ import annotations

import json
import struct
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page

from mocap.stream.content import Files, content_type
from mocap.studio.characters import Characters, PublishedFiles
from tests.helpers.browser import Open, until
from tests.helpers.page_host import Host, hello
from tests.helpers.places import MANNEQUIN, WEB

BONES = "Object.keys(window.mocap?.bonePositions() ?? {}).length"
# `Host` has no studio, and the browser itself reports that.
NO_STUDIO = "WebSocket connection to"


def served(name: str, data: bytes) -> Files:
    """Return the table of files with one more avatar."""
    return {f"/rigs/{name}": (data, content_type(name))}


def glb(document: dict[str, object]) -> bytes:
    """Return a GLB without binary data."""
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    return struct.pack("<4sIIII", b"glTF", 2, 20 + len(text), len(text), 0x4E4F534A) + text


def choose(page: Page, file: Path) -> None:
    """Choose a file by the panel's button."""
    if not page.is_visible("#avatar"):
        page.keyboard.press("v")
    with page.expect_file_chooser() as chooser:
        page.click("#avatar button:has-text('Choose a file')")
    chooser.value.set_files(file)


@pytest.mark.parametrize("kind", ["meshopt", "draco"])
def test_compressed_avatars_are_shown(
    open_page: Open, node: Path, tmp_path: Path, kind: str
) -> None:
    small = tmp_path / "small.vrm"
    script = Path(__file__).with_name("compress.mjs")
    subprocess.run([node, script, kind, MANNEQUIN, small, WEB], check=True)
    # As the page opens it by itself, and as the studio's server hands it on.
    table: Files = {}
    characters = Characters(PublishedFiles(table))
    rig = characters.add(small.read_bytes(), "small.vrm")["rig"]
    changed = characters.remap(rig, {"leftToes": ""})["rig"]
    table |= served("small.vrm", small.read_bytes())
    with Host(hello(rig="rigs/small.vrm"), more=table) as host:
        page = open_page(host.url, 320, 240)
        until(page, f"{BONES} === 55")
        host.introduce(hello(rig=changed))
        until(page, f"{BONES} === 54")
        assert page.inner_text("#messages") == ""


HOSTILE: dict[str, dict[str, object]] = {
    "a chain of more than 500 nodes": {
        "nodes": [{"children": [i + 1]} if i < 19_999 else {} for i in range(20_000)],
        "scenes": [{"nodes": [0]}],
    },
    "MB of vertex data": {
        "accessors": [{"componentType": 5126, "type": "VEC3", "count": 10**9}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "nodes": [{"mesh": 0}],
        "scenes": [{"nodes": [0]}],
    },
}


@pytest.mark.parametrize("reason", HOSTILE)
def test_a_hostile_avatar_is_refused_at_once(open_page: Open, reason: str) -> None:
    data = glb({"asset": {"version": "2.0"}, **HOSTILE[reason]})
    with Host(hello(rig="rigs/hostile.vrm"), more=served("hostile.vrm", data)) as host:
        page = open_page(host.url, 320, 240)
        said = "document.querySelector('#messages')?.textContent ?? ''"
        until(page, f"({said}).includes({reason!r})", 20.0)
        assert "hostile.vrm could not be loaded" in page.evaluate(said)


def test_a_page_without_a_studio_accepts_only_vrm(open_page: Open, tmp_path: Path) -> None:
    hero = tmp_path / "hero.vrm"
    hero.write_bytes(MANNEQUIN.read_bytes())
    other = tmp_path / "hero.glb"
    other.write_bytes(glb({"asset": {"version": "2.0"}}))
    with Host() as host:
        page = open_page(host.url, 640, 480, expect=(NO_STUDIO,))
        until(page, f"{BONES} === 55")
        choose(page, other)
        until(page, "document.querySelector('#messages').textContent.includes('hero.glb cannot')")
        choose(page, hero)
        until(page, "document.querySelector('#avatar').textContent.includes('hero.vrm')")
        until(page, "localStorage.getItem('mocap.avatar') !== null")
        # A reload keeps it, and offers it again.
        page.reload(wait_until="commit")
        until(page, f"{BONES} === 55")
        page.keyboard.press("v")
        until(page, "document.querySelector('#avatar').textContent.includes('hero.vrm')")
        page.click('#avatar button:has-text("mocap\'s avatar")')
        until(page, "document.querySelector('#avatar li')?.textContent === 'hero.vrm'")
        until(page, "localStorage.getItem('mocap.avatar') === null")
        until(page, f"{BONES} === 55")
