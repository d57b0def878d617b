"""Control of Firefox by WebDriver BiDi, without a driver program."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from websockets.sync.client import ClientConnection, connect

_LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
_PREFERENCES = {
    "media.navigator.streams.fake": True,  # a camera that shows a moving pattern
    "media.navigator.permission.disabled": True,
    "webgl.force-enabled": True,
    "datareporting.policy.dataSubmissionEnabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "app.update.enabled": False,
}


class Firefox:
    """One page of a running Firefox."""

    def __init__(self, socket: ClientConnection) -> None:
        self._ids = itertools.count()
        self._socket = socket
        self._ask("session.new", capabilities={})
        self._context = self._ask("browsingContext.getTree")["contexts"][0]["context"]

    def open(self, url: str) -> None:
        """Open a page and wait for it."""
        self._ask("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression in the page, through JSON."""
        answer = self._ask(
            "script.evaluate",
            expression=f"JSON.stringify({expression})",
            target={"context": self._context},
            awaitPromise=True,
        )
        if answer["type"] != "success":
            raise AssertionError(answer["exceptionDetails"]["text"])
        value = answer["result"].get("value")
        return None if value is None else json.loads(value)

    def until(self, expression: str, seconds: float = 60.0) -> None:
        """Wait until the expression is true in the page."""
        deadline = time.monotonic() + seconds
        while not self.evaluate(expression):
            said = self.evaluate("document.querySelector('#messages')?.textContent ?? ''")
            assert time.monotonic() < deadline, f"not true: {expression}; the page says {said!r}"
            time.sleep(0.1)

    def _ask(self, method: str, **params: Any) -> Any:
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while (message := json.loads(self._socket.recv(timeout=60))).get("id") != number:
            pass  # an event
        if message["type"] == "error":
            raise AssertionError(f"{method}: {message['message']}")
        return message["result"]


@contextmanager
def display() -> Iterator[str]:
    """Start a virtual display, in which Firefox has WebGL; return its name."""
    command = ["Xvfb", "-displayfd", "1", "-screen", "0", "1280x720x24", "-nolisten", "tcp"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield f":{process.stdout.readline().strip()}"
        finally:
            process.kill()


@contextmanager
def running(
    executable: Path, profile: Path, preferences: Mapping[str, Any] = MappingProxyType({})
) -> Iterator[Firefox]:
    """Start Firefox on its own display.

    Args:
        executable: Firefox's program.
        profile: An empty folder for its profile.
        preferences: More preferences, as in about:config.
    """
    lines = [
        f"user_pref({json.dumps(name)}, {json.dumps(value)});"
        for name, value in {**_PREFERENCES, **preferences}.items()
    ]
    (profile / "user.js").write_text("\n".join(lines))
    command = [executable, "--no-remote", "--remote-debugging-port=0", "--profile", profile]
    with (
        display() as name,
        subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "DISPLAY": name},
        ) as process,
    ):
        try:
            assert process.stderr is not None
            found = next(filter(None, map(_LISTENING.search, process.stderr)))
            with connect(f"{found[1]}/session", max_size=None) as socket:
                yield Firefox(socket)
        finally:
            process.kill()
