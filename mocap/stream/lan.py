"""HTTPS for phones in the same network, with a self-signed certificate.

Browsers allow cameras only on pages over HTTPS.

Certificate and key are made for each run and not stored. A stored certificate would avoid the
browser's warning for as long as the browser remembers it (Chrome: a week), but the code has to be
scanned in each run anyway, and a stolen key could be used to impersonate this machine. Packages
that only `--lan` needs are imported inside the functions.
"""

from __future__ import annotations

import datetime
import io
import ipaddress
import re
import secrets
import socket
import ssl
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mocap.core.optional_packages import need
from mocap.errors import DeviceError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

EVERYWHERE = "0.0.0.0"
"""The address to listen on for connections from the whole network."""

VALID = datetime.timedelta(days=14)  # longer than any run; Apple's systems allow up to 825 days
_CLOCKS_APART = datetime.timedelta(days=1)  # a phone's clock may be behind
_OUTSIDE = "198.51.100.1"  # RFC 5737: not assigned, so routed towards the internet


@dataclass(frozen=True, slots=True)
class Lan:
    """The access for phones in the local network.

    Attributes:
        addresses: This machine's IPv4 addresses, the likeliest first.
        tls: The certificate and key.
        renewed: Called in the event loop when a page has used its token, with the URLs for the next
            page, in the order of `addresses`.
    """

    addresses: Sequence[str]
    tls: ssl.SSLContext
    renewed: Callable[[Sequence[str]], None]

    def urls(self, port: int, token: str) -> list[str]:
        """Return the page's URLs with a single-use token.

        Args:
            port: The server's port.
            token: The token, of URL-safe characters.
        """
        return [f"https://{address}:{port}/?token={token}" for address in self.addresses]


def open_lan(renewed: Callable[[Sequence[str]], None]) -> Lan:
    """Return the addresses of this machine, and a new certificate for them.

    Args:
        renewed: As in Lan.

    Raises:
        DeviceError: The machine is in no network, or packages of the extra `lan` are missing.
    """
    need("Opening the page to phones", "lan", "cryptography", "ifaddr", "segno")
    found = addresses()
    return Lan(
        found,
        context(
            *certificate(found, socket.gethostname(), datetime.datetime.now(datetime.timezone.utc))
        ),
        renewed,
    )


# Addresses ----------------------------------------------------------------------------------------


def addresses() -> list[str]:
    """Return this machine's IPv4 addresses; the one with the route to the internet comes first.

    Nothing is sent.

    Raises:
        DeviceError: The machine is in no network.
    """
    import ifaddr

    found = ordered(
        (str(ip.ip) for adapter in ifaddr.get_adapters() for ip in adapter.ips if ip.is_IPv4),
        _towards(_OUTSIDE),
    )
    if not found:
        raise DeviceError(
            "This machine is in no network that a phone can reach: join the phone's Wi-Fi, then "
            "try again."
        )
    return found


def ordered(found: Iterable[str], first: str | None) -> list[str]:
    """Return the IPv4 addresses that other machines can reach.

    Loopback is left out; link-local addresses (169.254.…) are used only if there are no others.

    Args:
        found: IPv4 addresses.
        first: The address to put first, if it is among them.
    """
    known = sorted({ipaddress.IPv4Address(a) for a in found}, key=lambda a: (str(a) != first, a))
    reachable = [a for a in known if not (a.is_loopback or a.is_unspecified or a.is_multicast)]
    return [str(a) for a in reachable if not a.is_link_local] or [str(a) for a in reachable]


def _towards(other: str) -> str | None:
    """Return this machine's address on the route to another machine; None without a route.

    Connecting a UDP socket chooses the route and sends nothing.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((other, 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])


# The certificate ----------------------------------------------------------------------------------


def certificate(
    addresses: Sequence[str], hostname: str, now: datetime.datetime
) -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
    """Make a self-signed certificate, valid for VALID from now.

    Args:
        addresses: The IPv4 addresses that it is for, besides loopback and localhost.
        hostname: The machine's name.
        now: The time, with a time zone.

    Returns:
        The certificate, and its key (P-256).
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    # A host name may be invalid in DNS; a common name has at most 64 characters (RFC 5280).
    names = dict.fromkeys(
        [
            "localhost",
            *(
                [hostname]
                if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", hostname)
                else []
            ),
        ]
    )
    ips = dict.fromkeys([*addresses, "127.0.0.1"])
    alternatives = [
        *(x509.IPAddress(ipaddress.ip_address(ip)) for ip in ips),
        *(x509.DNSName(name) for name in names),
    ]
    ours = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"mocap on {list(names)[-1]}"[:64])])
    builder = (
        x509.CertificateBuilder()
        .subject_name(ours)
        .issuer_name(ours)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_APART)
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        # Apple's systems require it of a server (HT210176).
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    return builder.sign(key, hashes.SHA256()), key


def context(certificate: x509.Certificate, key: EllipticCurvePrivateKey) -> ssl.SSLContext:
    """Return a TLS context for a server with this certificate.

    Args:
        certificate: The certificate.
        key: Its key.

    Raises:
        DeviceError: A temporary file cannot be written.
    """
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
    )

    # Python's ssl reads a key only from a file, so the key is encrypted in it.
    password = secrets.token_hex(32)
    locked = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode())
    )
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        with tempfile.TemporaryDirectory(prefix="mocap") as folder:
            path = Path(folder) / "key.pem"
            path.write_bytes(locked + certificate.public_bytes(Encoding.PEM))
            made.load_cert_chain(path, password=password)
    except OSError as error:
        raise DeviceError(
            "The certificate for HTTPS needs a temporary file, which cannot be written: "
            f"{error.strerror or error}."
        ) from error
    return made


# The code -----------------------------------------------------------------------------------------


def code(url: str) -> str:
    """Return a QR code of a URL as lines of half-block characters, for a dark terminal.

    Light modules are drawn as characters; dark modules are spaces.
    """
    import segno

    drawn = io.StringIO()
    segno.make_qr(url).terminal(drawn, border=2, compact=True)
    return drawn.getvalue().rstrip("\n")
