"""Console output of a served page: its address, and the QR code for phones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mocap.cli import console

if TYPE_CHECKING:
    from mocap.stream.lan import Lan
    from mocap.stream.server import Server


def announce(open_page: bool) -> Callable[[Server], None]:
    """Return a function that prints the page's address and, if `open_page`, opens it."""

    def ready(server: Server) -> None:
        if server.notice:
            console.out.print(server.notice)
        console.out.print(server.url)
        if server.invitations:
            _invite(server.invitations)
        console.out.print("Press Ctrl-C to stop.")
        if open_page:
            import webbrowser

            webbrowser.open(server.url)

    return ready


def phones() -> Lan:
    """Open the page to phones in the local network.

    Each QR code admits one phone; after it is used, the next one is printed.

    Raises:
        DeviceError: This machine is not connected to a network.
    """
    from mocap.stream.lan import open_lan

    def renewed(urls: Sequence[str]) -> None:
        console.out.print(
            "A phone has opened the page with this code. For another phone, scan this one:"
        )
        _show(urls)

    return open_lan(renewed)


def _invite(urls: Sequence[str]) -> None:
    """Print the first code and how to use it. `urls`: one per network, the likeliest first."""
    console.out.print(
        "Scan this code with a phone in the same network, or open the address below it there:"
    )
    _show(urls)
    console.out.print(
        "The phone's browser warns about the certificate, because mocap made it for this session. "
        "Continue to the page, press This camera and allow it."
    )
    if len(urls) > 1:
        others = " or ".join(url.partition("://")[2].partition(":")[0] for url in urls[1:])
        console.out.print(
            "This machine is in several networks: if the phone does not find the page, "
            f"put {others} into the address."
        )


def _show(urls: Sequence[str]) -> None:
    # A file or a pipe cannot be scanned.
    if console.out.is_terminal:
        from rich.console import Console

        from mocap.stream.lan import code

        Console(highlight=False, soft_wrap=True, markup=False, emoji=False).print(
            code(urls[0]), style="bright_white on black"
        )
    console.out.print(urls[0])
