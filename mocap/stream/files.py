"""The page's half of the server, without a socket: which requests are answered, and with what.

Files come out of a table made at the start; no path is ever put together from a request. A page of
another origin can neither read them nor open the stream: its Origin is not ours, and a name that it
makes point to 127.0.0.1 (DNS rebinding) is no Host of ours.
"""

from __future__ import annotations

import hmac
import http
import ipaddress
import re
import secrets
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from mocap.errors import ModelError
from mocap.stream.content import Files, content_type

STREAM_PATH = "/stream"

_HASHED = re.compile(
    r"/assets/.+-[\w-]{8}\.\w+"
)  # the names Vite gives: another content has another name

_LOCAL = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")
_HOST = re.compile(r"[\w.:\[\]-]+")


def files_for(assets: Path) -> Files:
    """Return the table of the packaged assets: viewer/ at the root, rigs/ under /rigs/.

    index.html is also at /. Files are read now, so that they do not change under a running page.

    Raises:
        ModelError: The viewer is missing.
    """
    viewer = assets / "viewer"
    if not (viewer / "index.html").is_file():
        raise ModelError(
            f"The viewer is missing: there is no {viewer / 'index.html'}. Build it with `make`, or "
            f"install the package again."
        )
    files: Files = {}
    for folder, prefix in ((viewer, "/"), (assets / "rigs", "/rigs/")):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                files[prefix + path.relative_to(folder).as_posix()] = (
                    path.read_bytes(),
                    content_type(path.name),
                )
    files["/"] = files["/index.html"]
    return files


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def bracketed(host: str) -> str:
    """The host as it stands in a URL: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host


class Door:
    """The access policy of a server that listens at host and port.

    Args:
        host: Address that the server listens at.
        port: Its port.
        token: Asked of every client, where one is given.
        guests: Paths that pages of other servers on this machine may use too; no page of the
            internet has such an origin.
        secure: Whether the server uses TLS.
        renewed: If given, a token opens the server to one page alone, whose cookie is another
            secret; `renewed` is called with the token that replaces it.
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
        """The answer to a request that may not come in; None if it may."""
        hosts, origins = request.headers.get_all("Host"), request.headers.get_all("Origin")
        if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
            return text(http.HTTPStatus.BAD_REQUEST, "A request must name one Host.")
        # Beyond loopback we cannot know all our names; there the token keeps strangers out.
        if self._loopback and hosts[0].lower() not in self._hosts:
            return text(
                http.HTTPStatus.FORBIDDEN,
                f"This server must be addressed as {' or '.join(sorted(self._hosts))}.",
            )
        # Browsers always name a page's origin when it opens a WebSocket; other programs need not.
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
                "This address was used before, or is not whole: scan the newest code that mocap "
                "shows.",
            )
        return text(
            http.HTTPStatus.FORBIDDEN,
            "A token is needed: open the address that mocap printed, with its ?token=….",
        )

    def cookie(self, request: Request) -> str | None:
        """Return the Set-Cookie for the files of a page that enters by the token.

        This uses up a token that is good once.
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


def path_of(request: Request) -> str:
    """The request's path, unquoted, without its query."""
    return unquote(request.path.partition("?")[0].partition("#")[0])


def respond(request: Request, files: Files, secure: bool = False) -> Response:
    """Answer a request for a file.

    Args:
        request: The request.
        files: The table; a Path in it is read now.
        secure: Whether the request came over TLS.
    """
    # websockets before 17 (the last for Python 3.10) refuses all but GET by itself, and does not
    # name the method.
    method = getattr(request, "method", "GET")
    if method not in ("GET", "HEAD"):
        response = text(http.HTTPStatus.METHOD_NOT_ALLOWED, "Only GET and HEAD are answered.")
        response.headers["Allow"] = "GET, HEAD"
        return response
    path = path_of(request)
    if path not in files:
        return text(http.HTTPStatus.NOT_FOUND, "There is no such file.")
    content, kind = files[path]
    try:
        body = content if isinstance(content, bytes) else content.read_bytes()
    except OSError:
        return text(http.HTTPStatus.NOT_FOUND, "This file is no longer there.")
    response = _response(http.HTTPStatus.OK, body, kind)
    response.headers["Cache-Control"] = (
        "public, max-age=31536000, immutable" if _HASHED.fullmatch(path) else "no-cache"
    )
    if kind.startswith("text/html"):
        response.headers["Content-Security-Policy"] = _policy(
            f"{'wss' if secure else 'ws'}://{request.headers['Host']}"
        )
    if method == "HEAD":
        response.body = b""
    return response


def text(status: http.HTTPStatus, sentence: str) -> Response:
    """A plain answer."""
    return _response(status, f"{sentence}\n".encode(), "text/plain; charset=utf-8")


def _response(status: http.HTTPStatus, body: bytes, kind: str) -> Response:
    headers = Headers()
    headers["Content-Type"] = kind
    headers["Content-Length"] = str(len(body))
    headers["Connection"] = "close"
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Referrer-Policy"] = "no-referrer"  # the address may hold the token
    return Response(status.value, status.phrase, headers, body)


def _policy(sockets: str) -> str:
    # three.js makes blob: URLs of the textures inside a GLB and fetches them. Decoders of meshopt
    # and Draco are WebAssembly; Draco's runs in a worker from a blob: URL. Safari before 15.4 does
    # not take 'self' for a WebSocket.
    policy = (
        "default-src 'self'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "worker-src 'self' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' blob: data:",
        "media-src blob:",
        f"connect-src 'self' blob: data: {sockets}",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return "; ".join(policy)
