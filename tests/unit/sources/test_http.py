from __future__ import annotations

import ipaddress
import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fake_one_stop import OneStopServer, answers, drip, never_answer
from onestop.sources.http import HttpClient, Reply
from onestop.sources.retries import AttemptError


@pytest.fixture
def tls_url(server: OneStopServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The fake source behind TLS, under a certificate that the environment trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "one-stop")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    return server.url.replace("http://", "https://")


def test_tls_under_a_certificate_of_ones_own(server: OneStopServer, tls_url: str) -> None:
    server.every_request = answers(200, "{}")
    client = HttpClient("igate", tls_url, timeout_seconds=5)
    assert client.send("page 1", "GET", "/") == Reply(200, "application/json", b"{}")
    client.close()


def test_an_unknown_certificate_is_named(server: OneStopServer, tls_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    client = HttpClient("igate", tls_url, timeout_seconds=5)
    with pytest.raises(AttemptError, match=r"cannot connect: .*certificate verify failed"):
        client.send("page 1", "GET", "/")
    client.close()


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"])
def test_a_dripping_answer_under_tls_is_cut_off(server: OneStopServer, tls_url: str, start: bytes) -> None:
    server.faults = {1: drip(start)}
    server.every_request = answers(200, "{}")
    client = HttpClient("igate", tls_url, timeout_seconds=0.3)
    started = time.monotonic()
    with pytest.raises(AttemptError, match=r"no whole answer within 1.2 s"):
        client.send("page 1", "GET", "/")
    assert time.monotonic() - started < 5
    assert client.send("page 1", "GET", "/").status == 200  # the next request has a connection of its own
    client.close()


def test_a_deadline_is_over_with_its_request(server: OneStopServer) -> None:
    server.every_request = answers(200, "{}")
    client = HttpClient("igate", server.url, timeout_seconds=0.1)
    client.send("page 1", "GET", "/")
    time.sleep(0.5)  # longer than the first request might have taken
    assert client.send("page 2", "GET", "/").status == 200
    client.close()


def test_after_abort_nothing_is_sent(server: OneStopServer) -> None:
    server.every_request = never_answer
    client = HttpClient("igate", server.url, timeout_seconds=30)
    client.abort()
    started = time.monotonic()
    with pytest.raises(AttemptError):
        client.send("page 1", "GET", "/")
    assert time.monotonic() - started < 5
    client.close()


@pytest.mark.parametrize(
    ("reply", "seen", "is_html"),
    [
        (Reply(503, "", b""), "status 503, no content type", False),
        (Reply(200, "application/json", b'{"HoTen": "A"}'), "status 200, application/json", False),
        (Reply(200, "text/plain", b"\n <!DOCTYPE html><TITLE lang=vi>\n A &lt;  B</TITLE>"), "titled 'A < B'", True),
        (
            Reply(200, "text/xml", b"<?xml version='1.0'?><fault><title>x</title></fault>"),
            "status 200, text/xml",
            False,
        ),
        (Reply(200, "text/html", b"<title>" + b"x" * 300 + b"</title>"), f"titled '{'x' * 80}'", True),
        (Reply(200, "text/html", b"<title>\xff\x00\x1b[31m</title>"), "titled '\ufffd[31m'", True),
    ],
)
def test_what_is_seen_of_an_answer(reply: Reply, seen: str, is_html: bool) -> None:
    assert reply.seen.endswith(seen) and reply.is_html is is_html
    assert len(reply.seen) < 150
