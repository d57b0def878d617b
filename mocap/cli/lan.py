"""What `mocap live --lan` says: the code for a phone to scan, and what the phone will ask."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mocap.cli import console

if TYPE_CHECKING:
    from mocap.stream.lan import Lan


def phones() -> Lan:
    """How phones come in, each by a code of its own: the next is shown when one has been used. Raises DeviceError without a network."""
    from mocap.stream.lan import open_lan

    def renewed(urls: Sequence[str]) -> None:
        console.out.print(
            "A phone is in, and its code opens nothing more. For another phone, scan this one:"
        )
        _show(urls)

    return open_lan(renewed)


def invite(urls: Sequence[str]) -> None:
    """Shows the first code, and says what to do with it. urls: the page's in each of this machine's networks, the likeliest first."""
    console.out.print(
        "Scan this code with a phone in the same network, or open the address below it there:"
    )
    _show(urls)
    console.out.print(
        "Its browser will warn that it does not know who made this machine's certificate: mocap did, for this run. Go on to the page all "
        "the same, press This camera and allow it."
    )
    if len(urls) > 1:
        others = " or ".join(url.partition("://")[2].partition(":")[0] for url in urls[1:])
        console.out.print(
            f"This machine is in other networks too: if the phone finds nothing there, put {others} into the address."
        )


def _show(urls: Sequence[str]) -> None:
    from mocap.stream.lan import code

    # A file or a pipe is nothing to point a phone at.
    if console.out.is_terminal:
        console.out.print(code(urls[0]), style="bright_white on black")
    console.out.print(urls[0])
    sys.stdout.flush()
