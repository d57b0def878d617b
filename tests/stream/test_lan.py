"""Phones of the same network: the certificate, addresses valid once, and the QR code."""

from __future__ import annotations

import asyncio
import datetime
import http.client
import io
import ipaddress
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
import segno
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from mocap.errors import DeviceError
from mocap.stream import lan, protocol
from mocap.stream.gate import GRACE, Limits
from mocap.stream.lan import VALID, Lan, certificate, code, context, ordered
from mocap.stream.server import Server
from tests.helpers.stream_clients import played
from tests.helpers.stream_host import HELLO

NOW = datetime.datetime.now(datetime.timezone.utc)
FILES = {
    "/": (b"<!doctype html>", "text/html; charset=utf-8"),
    "/app.js": (b"1", "text/javascript; charset=utf-8"),
}


@pytest.fixture(scope="module")
def made() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    return certificate(["192.168.1.7", "10.0.0.3"], "studio-pc", NOW)


def test_the_certificate_names_this_machine_for_two_weeks(
    made: tuple[x509.Certificate, ec.EllipticCurvePrivateKey],
) -> None:
    ours, key = made
    names = ours.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.IPAddress)) == {
        ipaddress.ip_address(a) for a in ("192.168.1.7", "10.0.0.3", "127.0.0.1")
    }
    assert set(names.get_values_for_type(x509.DNSName)) == {"localhost", "studio-pc"}
    assert ours.not_valid_before_utc < NOW - datetime.timedelta(hours=20)
    assert ours.not_valid_after_utc == (NOW + VALID).replace(microsecond=0)
    assert datetime.timedelta(days=825) > VALID
    assert list(ours.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.SERVER_AUTH
    ]
    ours.verify_directly_issued_by(ours)
    assert ours.public_key() == key.public_key()


@pytest.mark.parametrize("hostname", ["", "über pc", "a" * 80, "-x", "under_score"])
def test_invalid_host_names_are_left_out_or_shortened(hostname: str) -> None:
    names = (
        certificate(["10.0.0.3"], hostname, NOW)[0]
        .extensions.get_extension_for_class(x509.SubjectAlternativeName)
        .value
    )
    assert set(names.get_values_for_type(x509.DNSName)) <= {"localhost", "a" * 80}


def test_each_run_has_its_own_key(
    made: tuple[x509.Certificate, ec.EllipticCurvePrivateKey],
) -> None:
    other, _ = certificate(["192.168.1.7"], "studio-pc", NOW)
    assert other.serial_number != made[0].serial_number
    assert other.public_key() != made[0].public_key()


def test_the_internet_route_comes_first_and_link_local_addresses_last() -> None:
    assert ordered(["127.0.0.1", "10.0.0.3", "169.254.7.7", "192.168.1.7"], "192.168.1.7") == [
        "192.168.1.7",
        "10.0.0.3",
    ]
    assert ordered(["169.254.7.7", "127.0.0.1"], None) == ["169.254.7.7"]
    assert ordered(["127.0.0.1", "0.0.0.0", "224.0.0.1"], None) == []


def test_a_missing_network_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ifaddr.get_adapters", list)
    with pytest.raises(DeviceError, match="join the phone's Wi-Fi"):
        lan.addresses()


def test_a_camera_reads_the_code() -> None:
    url = "https://192.168.178.41:8766/?token=Zk3vq0kT1n2Yx_aB-cdEfg"
    drawn = io.BytesIO()
    segno.make_qr(url).save(drawn, kind="png", scale=6, border=2)
    image = cv2.imdecode(np.frombuffer(drawn.getvalue(), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert cv2.QRCodeDetector().detectAndDecode(image)[0] == url
    # The terminal's half blocks are the same code: light where the picture is light.
    lines = code(url).split("\n")
    halves = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}
    rows = [
        [halves[c][half] for c in line.ljust(len(lines[0]))] for line in lines for half in (0, 1)
    ]
    shown = np.array(rows, np.uint8)[: len(image) // 6, : len(image) // 6]
    assert np.array_equal(shown, (image[3::6, 3::6] > 127).astype(np.uint8))


class Phone:
    """A browser that trusts the certificate and keeps its cookie."""

    def __init__(self, trusted: x509.Certificate) -> None:
        self.tls = ssl.create_default_context(cadata=trusted.public_bytes(Encoding.PEM).decode())
        self.cookie = ""

    def get(self, url: str, **headers: str) -> tuple[int, str]:
        at = urlsplit(url)
        connection = http.client.HTTPSConnection(
            str(at.hostname), at.port, context=self.tls, timeout=10
        )
        own = {"Cookie": self.cookie} if self.cookie else {}
        connection.request(
            "GET", f"{at.path}?{at.query}" if at.query else at.path, headers=own | headers
        )
        answer = connection.getresponse()
        text = answer.read().decode()
        if given := answer.getheader("Set-Cookie"):
            assert all(word in given for word in ("HttpOnly", "Secure", "SameSite=Strict"))
            self.cookie = given.partition(";")[0]
        connection.close()
        return answer.status, text


@contextmanager
def trusting() -> Iterator[tuple[Lan, x509.Certificate, list[str]]]:
    ours, key = certificate(["127.0.0.1"], "localhost", NOW)
    codes: list[str] = []
    yield Lan(["127.0.0.1"], context(ours, key), lambda urls: codes.append(urls[0])), ours, codes


def test_an_address_admits_one_phone_and_is_replaced() -> None:
    with trusting() as (ways, ours, codes):

        async def scene() -> None:
            async with Server(HELLO, FILES, port=0, lan=ways) as server:
                [first] = server.invitations
                assert first.startswith("https://127.0.0.1:")
                page = first.partition("?")[0]
                stranger, phone, second = Phone(ours), Phone(ours), Phone(ours)
                assert (await asyncio.to_thread(stranger.get, page))[0] == 403
                assert (await asyncio.to_thread(stranger.get, f"{page}?token=guessed"))[0] == 403
                assert codes == []
                assert await asyncio.to_thread(phone.get, first) == (200, "<!doctype html>")
                assert (await asyncio.to_thread(phone.get, f"{page}app.js"))[0] == 200
                assert (await asyncio.to_thread(phone.get, first))[0] == 200, "loaded again"
                assert codes == server.invitations
                assert codes[0] != first
                refused, sentence = await asyncio.to_thread(second.get, first)
                assert (refused, "newest code" in sentence) == (403, True)
                assert (await asyncio.to_thread(second.get, codes[0]))[0] == 200
                assert len(codes) == 2

        played(scene())


def test_the_tls_stream_is_open_only_to_this_servers_pages() -> None:
    with trusting() as (ways, ours, _):

        async def scene() -> None:
            async with Server(HELLO, FILES, port=0, lan=ways) as server:
                phone = Phone(ours)
                await asyncio.to_thread(phone.get, server.invitations[0])
                origin = server.invitations[0].partition("/?")[0]
                stream = origin.replace("https", "wss") + "/stream"
                options = {
                    "ssl": phone.tls,
                    "subprotocols": [protocol.SUBPROTOCOL],
                    "additional_headers": {"Cookie": phone.cookie},
                }
                async with connect(stream, origin=origin, **options) as viewer:
                    assert protocol.decode_server_text(str(await viewer.recv())) == HELLO
                    # A viewer that sends nothing gets messages at once all the same.
                    for n in range(4):
                        begun = time.monotonic()
                        server.tell(protocol.Status("info", str(n)))
                        assert await viewer.recv() == protocol.encode_text(
                            protocol.Status("info", str(n))
                        )
                        assert time.monotonic() - begun < 1.0
                for wrong in (origin.replace("https", "http"), "https://elsewhere.example"):
                    with pytest.raises(InvalidStatus):
                        await connect(stream, origin=wrong, **options)
                with pytest.raises(InvalidStatus):
                    await connect(stream, origin=origin, **{**options, "additional_headers": {}})

        played(scene())


def test_unknown_certificates_warn_and_plain_http_gets_nothing() -> None:
    with trusting() as (ways, ours, _):

        async def scene() -> None:
            async with Server(HELLO, FILES, port=0, lan=ways) as server:
                phone = Phone(ours)
                phone.tls = ssl.create_default_context()
                with pytest.raises(ssl.SSLCertVerificationError):
                    await asyncio.to_thread(phone.get, server.invitations[0])
                at = urlsplit(server.invitations[0])
                reader, writer = await asyncio.open_connection(at.hostname, at.port)
                writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                assert not (await reader.read()).startswith(b"HTTP")
                writer.close()

        played(scene())


@pytest.mark.flaky(reruns=2)  # wall clock
def test_silent_tls_connections_count_before_the_handshake() -> None:
    with trusting() as (ways, ours, _):

        async def scene() -> int:
            async with Server(HELLO, FILES, port=0, lan=ways) as server:
                at = urlsplit(server.invitations[0])
                silent = [
                    await asyncio.open_connection(at.hostname, at.port)
                    for _ in range(Limits().half_open + 20)
                ]
                await asyncio.sleep(GRACE + 0.1)
                begun = time.monotonic()
                answer = await asyncio.to_thread(Phone(ours).get, server.invitations[0])
                assert answer[0] == 200
                assert time.monotonic() - begun < 2.0
                await asyncio.sleep(0.1)
                closed = sum(reader.at_eof() for reader, _ in silent)
                for _, writer in silent:
                    writer.close()
                return closed

        assert played(scene()) >= 20


def test_no_private_key_remains_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    context(*certificate(["10.0.0.3"], "x", NOW))
    assert list(tmp_path.iterdir()) == []
