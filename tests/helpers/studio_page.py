"""What a user does on the page of the studio: open a take, set marks, export."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

from tests.helpers.browser import until


def ready(page: Page) -> None:
    until(
        page,
        "document.querySelector('[data-key=r]')?.hidden === false && "
        "window.mocap.stats().state !== 'loading'",
    )


def open_take(page: Page, name: str) -> None:
    """Open a take and stop it."""
    page.keyboard.press("t")
    until(page, f"document.querySelector('#takes')?.textContent.includes({name!r})")
    page.click(f"#takes button.name:has-text('{name}')")
    until(
        page,
        "document.querySelector('#timeline').hidden === false && "
        "window.mocap.stats().state === 'playing'",
    )
    page.keyboard.press("Space")


def mark(page: Page, share: float, key: str) -> None:
    """Set a mark at a share of the take by a click on the timeline."""
    box = page.locator("#timeline [role=slider]").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + share * box["width"], box["y"] + 20)
    page.keyboard.press(key)


def exported(page: Page, kind: str, folder: Path) -> Path:
    page.select_option("#takes select[aria-label='File format']", kind)
    # A film is drawn frame by frame, twice a second at the least.
    with page.expect_download(timeout=120_000) as download:
        page.keyboard.press("e")
    path = folder / f"exported.{kind}"
    download.value.save_as(path)
    return path
