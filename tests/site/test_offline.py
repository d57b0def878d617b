"""The service worker of the page that needs no install: versions replace each other whole."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.helpers.browser import FLAGS, until
from tests.helpers.places import WEB, script
from tests.helpers.site import hosted

INDEX = """<script type="module" src="app-{v}.js"></script>
<script>
addEventListener("unhandledrejection", (e) => (document.title = String(e.reason)));
window.version = "{v}";
navigator.serviceWorker.register("sw.js");
navigator.serviceWorker.addEventListener("message", () => (window.kept = true));
addEventListener("beforeunload", () =>
  navigator.serviceWorker.controller?.postMessage({{ leaving: true }}));
navigator.serviceWorker.ready.then((r) => r.active.postMessage({{ keep: true }}));
window.seen = async () =>
  [window.version, window.app, await (await fetch("python/solver.txt")).text()].join(" ");
window.waits = async () => (await navigator.serviceWorker.getRegistration()).waiting !== null;
</script>"""


def build(folder: Path, version: str) -> None:
    """Build a site of a few bytes of a version, with the site's own service worker."""
    for old in folder.rglob("*.js"):
        old.unlink()
    (folder / "python").mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(INDEX.format(v=version))
    (folder / f"app-{version}.js").write_text(f'window.app = "{version}";')
    (folder / "python" / "solver.txt").write_text(version)
    (folder / "same.txt").write_text("of every version")
    script(WEB / "site" / "build.py")._service_worker(folder)


def shown(page: Page) -> str:
    until(page, "window.app !== undefined", 20)
    return str(page.evaluate("window.seen()"))


def test_a_new_version_takes_over_whole_at_the_next_load(chromium: Path, tmp_path: Path) -> None:
    build(tmp_path, "one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium), args=FLAGS)
        page = browser.new_context().new_page()
        with hosted(tmp_path) as host:
            page.goto(host.address)
            until(page, "window.kept === true", 20)
            build(tmp_path, "two")
            page.reload()
            # The old version is whole although the host has the new one.
            assert shown(page) == "one one one"
            until(page, "window.waits()", 20)
            assert shown(page) == "one one one"
            asked = len(host.asked)
            other = page.context.new_page()
            other.goto(host.address)
            assert shown(other) == "one one one"  # while another page shows the old one
            other.close()
            page.reload()
            page.wait_for_function("window.app === 'two'", timeout=60_000)  # loads twice
            assert shown(page) == "two two two"
            assert "same.txt" not in "".join(host.asked[asked:])
            # A host that is updated by halves: the new version waits until it is whole.
            build(tmp_path, "three")
            (tmp_path / "python" / "solver.txt").write_text("two")
            page.reload()
            page.wait_for_timeout(500)
            assert not page.evaluate("window.waits()")
            assert shown(page) == "two two two"
        page.reload()  # the host is gone
        assert shown(page) == "two two two"
        browser.close()
