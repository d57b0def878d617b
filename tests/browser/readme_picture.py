"""Take the README's picture, web/readme.png: the page at one moment of the demo clip.

python -m tests.browser.readme_picture [FRAME]
"""

from __future__ import annotations

import shutil
import sys
import time

from playwright.sync_api import sync_playwright

from mocap import assets
from mocap.capture.video import Video
from mocap.detect.mediapipe.pose import PoseDetector
from mocap.live import clock
from mocap.live.messages import encode_frame
from mocap.live.performer import LivePerformer
from mocap.stream import protocol
from tests.helpers.browser import FLAGS, until
from tests.helpers.page_host import Host, hello
from tests.helpers.places import WEB

PICTURE = WEB / "readme.png"


def main(wanted: int) -> None:
    with Video(assets.path("demo/demo.mp4")) as source, PoseDetector("full") as detector:
        performer = LivePerformer(detector)
        for number, frame in enumerate(source):
            arrived = clock.Arrived(frame, frame.time, time.monotonic(), False)
            keypoints, motion = performer.perform(arrived)
            if number == wanted:
                break
        shown = protocol.SourceInfo("video", source.name, *source.size)
    with Host(hello(source=shown)) as host, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(FLAGS)
        )
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(host.url, wait_until="domcontentloaded")
        # A still picture, sent again until the camera has come to rest on it.
        for n in range(20):
            host.publish(encode_frame(n, arrived, keypoints, motion))
            until(page, f"window.mocap && mocap.frame() >= {n}", 120.0)
            page.wait_for_timeout(100)
        page.wait_for_timeout(2000)
        page.screenshot(path=PICTURE, timeout=120_000)
        browser.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 45)
