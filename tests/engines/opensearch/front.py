"""A server before the real one: it has a certificate, hands on what it is asked, and may answer
otherwise."""

from __future__ import annotations

import ipaddress
import json
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

_DAY = timedelta(days=1)


@dataclass
class Answer:
    """What is answered in place of the real server's answer."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    """What is said of its length, if that is not true; -1: nothing is said."""
    pieces: Iterable[bytes] = ()
    """What comes behind the body, each when it is there."""


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


Answers = Callable[[Asked], Answer | None]
"""None: what the real server answers."""


class Front(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, behind: str, context: ssl.SSLContext | None, host: str) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, 0), _Handler)
        if context is not None:
            self.socket = context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )
        self.behind = behind
        self.scheme = "http" if context is None else "https"
        self.asked: list[Asked] = []
        self.answers: Answers = lambda _: None

    def url(self, name: str = "127.0.0.1") -> str:
        """Its address, by this name."""
        return f"{self.scheme}://{name}:{self.server_port}"

    def handle_error(self, *_: Any) -> None:
        """Silent: in some tests the client does not want it."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Front

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, self.path, headers, body)
        self.server.asked.append(asked)
        answer = self.server.answers(asked) or self._handed_on(asked)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        length = len(answer.body) if answer.length is None else answer.length
        if length >= 0:
            self.send_header("Content-Length", str(length))
        self.close_connection = length != len(answer.body)
        self.end_headers()
        self.wfile.write(answer.body)
        for piece in answer.pieces:
            self.wfile.write(piece)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815  # names of http.server

    def _handed_on(self, asked: Asked) -> Answer:
        request = urllib.request.Request(  # noqa: S310  # the server of the tests
            self.server.behind + asked.path.removeprefix("/search/below"),
            data=asked.body or None,
            headers={"content-type": asked.headers["content-type"]},
            method=asked.method,
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                return Answer(answer.status, answer.read(), {"content-type": "application/json"})
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read(), {"content-type": "application/json"})

    def log_message(self, *_: Any) -> None:
        """Silent: the tests read `asked`."""


@contextmanager
def front(
    behind: str, context: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> Iterator[Front]:
    """Runs as long as the block."""
    server = Front(behind, context, host)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def of_json(value: object, status: int = 200, **headers: str) -> Answer:
    return Answer(
        status, json.dumps(value).encode(), {"content-type": "application/json", **headers}
    )


class Authority:
    """Signs certificates."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name.from_rfc4514_string("CN=tests")
        builder = _builder(self._name, self._name, self._key, datetime.now(UTC) + _DAY)
        made = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        self.file = folder / "ca.pem"
        """What is to be trusted."""
        self.file.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))

    def context(self, *names: str, ended: bool = False) -> ssl.SSLContext:
        """For a server of these names or addresses. `ended`: its certificate has expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        until = datetime.now(UTC) + (-_DAY if ended else _DAY)
        subject = x509.Name.from_rfc4514_string("CN=server")
        said = x509.SubjectAlternativeName([_general(name) for name in names])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        made = (
            _builder(subject, self._name, key, until)
            .add_extension(said, False)
            .add_extension(issuer, False)
            .sign(self._key, hashes.SHA256())
        )
        file = self._folder / "server.pem"
        file.write_bytes(
            made.public_bytes(Encoding.PEM)
            + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - 9 * _DAY)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
