"""A one-stop system on loopback that keeps the contract, and breaks it where a test says so."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from onestop.config import OneStopApiSource

CLIENT_ID, CLIENT_SECRET = "client-7f3a", "s3cret&=Đ-value"
Action = Callable[["Handler"], None]


class FakeTime:
    """A clock that only waits move; it keeps the waits."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.seconds += seconds

    def monotonic(self) -> float:
        return self.seconds


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: OneStopServer

    def log_message(self, *args: object) -> None:
        pass

    def answer(self, status: int, body: bytes | str, content_type: str = "application/json", **headers: str) -> None:
        data = body.encode() if isinstance(body, str) else body
        self.send_response_only(status)
        for name, value in {"Content-Type": content_type, "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.token_requests += 1
        action = self.server.token_faults.get(self.server.token_requests) or self.server.every_token_request
        if action:
            return action(self)
        if form != {"grant_type": ["client_credentials"], "client_id": [CLIENT_ID], "client_secret": [CLIENT_SECRET]}:
            return self.answer(401, '{"error": "invalid_client"}')
        self.server.token = f"token-{self.server.token_requests}"
        self.answer(200, json.dumps({"access_token": self.server.token, "expires_in": self.server.token_life}))

    def do_GET(self) -> None:
        query = {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
        self.server.page_requests += 1
        self.server.last_query = query
        action = self.server.faults.get(self.server.page_requests) or self.server.every_request
        if action:
            return action(self)
        self.serve(query)

    def serve(self, query: dict[str, str]) -> None:
        if self.headers["Authorization"] != f"Bearer {self.server.token}":
            return self.answer(401, '{"error": "invalid_token"}')
        start = int(query.get("cursor", "c0")[1:])
        end = min(start + int(query["limit"]), len(self.server.records))
        self.answer(200, page(self.server.records[start:end], None if end == len(self.server.records) else f"c{end}"))


class OneStopServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.records = [{"MaHoSo": f"H15.07-240823-{n:04d}", "NgayCapNhat": f"202408231{n:05d}"} for n in range(10)]
        self.token, self.token_life = "", 3600
        self.token_requests = self.page_requests = 0
        self.token_faults: dict[int, Action] = {}
        self.faults: dict[int, Action] = {}
        self.every_request: Action | None = None
        self.every_token_request: Action | None = None
        self.last_query: dict[str, str] = {}
        self.ending = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients hang up on purpose

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


def source(server: OneStopServer, **settings: Any) -> OneStopApiSource:
    return OneStopApiSource.model_validate(
        {
            "id": "igate",
            "kind": "one_stop_api",
            "base_url": server.url,
            "credentials": "IGATE",
            "page_size": 4,
            "timeout_seconds": 5,
            **settings,
        }
    )


def page(records: list[dict[str, Any]], cursor: str | None) -> bytes:
    return json.dumps({"data": records, "next_cursor": cursor, "total": 10}, ensure_ascii=False).encode()


def answers(status: int, body: bytes | str = "", content_type: str = "application/json", **headers: str) -> Action:
    return lambda handler: handler.answer(status, body, content_type, **headers)


def login_page(handler: Handler) -> None:
    handler.answer(
        200,
        "<!DOCTYPE html><html><head><title>\n Đăng nhập  hệ thống &amp; SSO</title></head>"
        "<body>Xin chào Nguyễn Văn A, 040123456789</body></html>",
        "text/html; charset=utf-8",
    )


def hang_up(handler: Handler) -> None:
    """A connection reset instead of an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.rfile.close()
    handler.wfile.close()
    handler.connection.close()
    handler.close_connection = True


def cut_short(handler: Handler) -> None:
    """Half of the promised body, then the end of the connection."""
    body = page(handler.server.records, None)
    handler.send_response_only(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True


def cut_short_unnoticed(handler: Handler) -> None:
    """Half of a body whose length nobody promised."""
    body = page(handler.server.records, None)
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n")
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True


def never_answer(handler: Handler) -> None:
    handler.server.ending.wait(30)
    handler.close_connection = True


def drip(start: bytes) -> Action:
    """A byte now and then, always before a read is late, never to the end."""

    def action(handler: Handler) -> None:
        handler.close_connection = True
        handler.wfile.write(start)
        while not handler.server.ending.is_set():
            try:
                handler.wfile.write(b"x")
            except OSError:
                return
            time.sleep(0.03)

    return action
