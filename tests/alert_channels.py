"""A mail server and a webhook that tests of alerts tell things to, both real, and a province that names them."""

from __future__ import annotations

import email
import email.policy
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

from delivery_servers import free_port
from onestop import config
from onestop.config import Settings

ENGINEER, OWNER = "truc@tinh.gov.vn", "chu-du-lieu@tinh.gov.vn"
HOOK = "ONCALL_HOOK"


@dataclass
class Mailbox:
    """What an SMTP server took; `refuse` makes it answer so instead."""

    mails: list[EmailMessage] = field(default_factory=list)
    refuse: str | None = None

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if self.refuse:
            return self.refuse
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))  # type: ignore[arg-type]
        return "250 OK"

    def to(self, address: str) -> list[EmailMessage]:
        """The mails to an address, in their order."""
        return [mail for mail in self.mails if mail["To"] == address]


def text_of(mail: EmailMessage) -> str:
    """What one reads of it."""
    body = mail.get_body()
    assert body is not None
    return str(body.get_content())


def mail_server() -> tuple[Controller, Mailbox]:
    """A started server and its mailbox; stop the server afterwards."""
    mailbox = Mailbox()
    server = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    server.start()
    return server, mailbox


def port_of(server: Controller) -> int:
    """Where it listens."""
    assert server.server is not None
    return int(server.server.sockets[0].getsockname()[1])


def alert_settings(folder: Path, port: int, more: str = "", *, hook: bool = True) -> Settings:
    """A province with a mail server at that port."""
    engineer = f"[{ENGINEER}, {HOOK}]" if hook else f"[{ENGINEER}]"
    (folder / "province.yml").write_text(
        "province: {code: H15, name_vi: Đắk Lắk}\n"
        "alerts:\n"
        f"  mail: {{host: 127.0.0.1, port: {port}, security: none, sender: onestop@tinh.gov.vn}}\n"
        f"  engineer: {engineer}\n"
        f"  owners: {{igate: [{OWNER}]}}\n"
        f"{more}"
        "sources:\n"
        '  - {id: igate, kind: one_stop_api, base_url: "http://127.0.0.1:1", credentials: IGATE}\n'
        "  - {id: dvcqg, kind: portal_export, path: exports}\n",
        encoding="utf-8",
    )
    return config.load(folder / "province.yml")
