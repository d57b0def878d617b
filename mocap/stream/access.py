"""The access policy of the server: Host, Origin and tokens, without sockets.

A page of another origin can neither read the files nor open the stream: its Origin differs, and a
name that it points to 127.0.0.1 (DNS rebinding) is not an allowed Host.
"""

from __future__ import annotations

import hmac
import http
import ipaddress
import re
import secrets
from collections.abc import Callable, Collection, Sequence
from urllib.parse import parse_qs, quote, unquote

from websockets.http11 import Request, Response

from mocap.stream.files import path_of, text

_LOCAL = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")
_HOST = re.compile(r"[\w.:\[\]-]+")


def is_loopback(host: str) -> bool:
    """Return whether an address, or a client's address, is this machine's loopback."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def bracketed(host: str) -> str:
    """Return the host as in a URL: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host


class AccessPolicy:
    """The access policy of a server that listens at host and port.

    Args:
        host: The address that the server listens on.
        port: Its port.
        token: The token that every client needs; None for none.
        guests: Paths that pages of other servers on this machine may use too; pages on the internet
            cannot have such an origin.
        secure: Whether the server uses TLS.
        renewed: If given, a token is valid for one page, whose cookie is another secret; `renewed`
            is called with the next token.
    """

    def __init__(
        self,
        host: str,
        port: int,
        token: str | None,
        guests: Collection[str] = (),
        secure: bool = False,
        renewed: Callable[[str], None] | None = None,
    ) -> None:
        names = {"localhost", "127.0.0.1", "[::1]", bracketed(host)}
        self._hosts = {f"{name}:{port}" for name in names} | (names if port == 80 else set())
        self._loopback = is_loopback(host)
        self._token = token
        self._session = token if renewed is None else secrets.token_urlsafe(16)
        self._guests = guests
        self.secure = secure
        self._renewed = renewed
        # Cookies do not know ports, so two servers on one machine must not share a name.
        self._cookie = f"mocap_{port}"

    def refusal(self, request: Request) -> Response | None:
        """Return the response that refuses a request; None if the request is allowed."""
        hosts, origins = request.headers.get_all("Host"), request.headers.get_all("Origin")
        if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
            return text(http.HTTPStatus.BAD_REQUEST, "A request must have one Host header.")
        # Beyond loopback the server's names are unknown; there the token is required.
        if self._loopback and hosts[0].lower() not in self._hosts:
            return text(
                http.HTTPStatus.FORBIDDEN,
                f"This server must be addressed as {' or '.join(sorted(self._hosts))}.",
            )
        # Browsers always send a page's Origin when it opens a WebSocket; other programs may not.
        own = (
            len(origins) == 1
            and origins[0].lower() == f"{'https' if self.secure else 'http'}://{hosts[0].lower()}"
        )
        guest = (
            len(origins) == 1
            and path_of(request) in self._guests
            and _LOCAL.fullmatch(origins[0].lower()) is not None
        )
        if origins and not (own or guest):
            return text(
                http.HTTPStatus.FORBIDDEN, f"A page from {origins[0]!r} may not use this server."
            )
        if self._token is None or self._by_token(request) or self._by_cookie(request):
            return None
        if self._renewed is not None:
            return text(
                http.HTTPStatus.FORBIDDEN,
                "This address was used before, or is incomplete: scan the newest code that mocap "
                "shows.",
            )
        return text(
            http.HTTPStatus.FORBIDDEN,
            "A token is needed: open the address that mocap printed, with its ?token=….",
        )

    def cookie(self, request: Request) -> str | None:
        """Return the Set-Cookie for a page whose request has the token; None for other requests.

        A single-use token is then replaced.
        """
        if not self._by_token(request) or self._session is None:
            return None
        if self._renewed is not None:
            self._token = secrets.token_urlsafe(16)
            self._renewed(self._token)
        return f"{self._cookie}={quote(self._session)}; Path=/; HttpOnly; SameSite=Strict" + (
            "; Secure" if self.secure else ""
        )

    def _by_token(self, request: Request) -> bool:
        return _among(self._token, parse_qs(request.path.partition("?")[2]).get("token", []))

    def _by_cookie(self, request: Request) -> bool:
        cookies = (
            c.strip().partition("=")
            for header in request.headers.get_all("Cookie")
            for c in header.split(";")
        )
        return _among(
            self._session, [unquote(value) for name, _, value in cookies if name == self._cookie]
        )


def _among(secret: str | None, given: Sequence[str]) -> bool:
    return secret is not None and any(
        hmac.compare_digest(g.encode(), secret.encode()) for g in given
    )
