"""Where a message goes: a mailbox over SMTP, or any address that Apprise knows (webhook, messenger)."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import mimetypes
import smtplib
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Protocol

from onestop.alerts.message import Message
from onestop.alerts.model import State
from onestop.config import Mail, Settings, required_secrets
from onestop.errors import OnestopError
from onestop.smtp import POLICY, session


class ChannelFailed(OnestopError):
    """A message could not be handed over; the message says what the channel answered, without its secret."""


class Channel(Protocol):
    """One target."""

    @property
    def name(self) -> str:
        """As province.yml has it."""

    def send(self, message: Message, state: State, attachments: Sequence[Path]) -> None:
        """Hand the message over. Raises ChannelFailed, ConfigurationError."""


def channel(settings: Settings, target: str) -> Channel:
    """The channel of a target of province.yml."""
    if "@" in target and settings.alert_mail is not None:
        return MailChannel(target, settings.alert_mail)
    return AppriseChannel(target)


@dataclass(frozen=True)
class MailChannel:
    """A mailbox. Messages about one cause are one thread there."""

    name: str
    mail: Mail

    def send(self, message: Message, state: State, attachments: Sequence[Path]) -> None:
        """Over SMTP, encrypted unless province.yml says otherwise."""
        mail = EmailMessage(policy=POLICY)
        mail["From"], mail["To"], mail["Subject"] = self.mail.sender, self.name, message.subject
        domain = self.mail.sender.rpartition("@")[2]
        mail["Date"], mail["Message-ID"] = formatdate(localtime=True), make_msgid(domain=domain)
        mail["Auto-Submitted"] = "auto-generated"
        thread = hashlib.sha256(f"{state.alert.fingerprint} {state.opened_at.isoformat()}".encode()).hexdigest()[:32]
        mail["References"] = f"<{thread}@{domain}>"
        mail.set_content(message.text, cte="base64")
        for path in attachments:
            kind, _, sub = (mimetypes.guess_type(path.name)[0] or "application/octet-stream").partition("/")
            mail.add_attachment(path.read_bytes(), maintype=kind, subtype=sub, filename=path.name)
        try:
            with contextlib.closing(session(self.mail)) as server:
                server.send_message(mail)
        except (OSError, smtplib.SMTPException) as problem:
            raise ChannelFailed(
                f"mail server {self.mail.host}:{self.mail.port}: {_said(problem)}",
                next_step="see alerts.mail in province.yml, and the server's own log",
            ) from None


@dataclass(frozen=True)
class AppriseChannel:
    """An Apprise address, which is a secret, in the environment variable `name`."""

    name: str

    def send(self, message: Message, state: State, attachments: Sequence[Path]) -> None:
        """Through Apprise. Workbooks go by mail only: a messenger is no place for a unit's rows."""
        import apprise  # takes half a second

        (url,) = required_secrets(self.name)
        target, said = apprise.Apprise(), _Said()
        log = logging.getLogger("apprise")
        log.addHandler(said)
        try:
            if not target.add(url):
                raise ChannelFailed(
                    f"{self.name} holds no address that Apprise knows", next_step="write it like json://host/path"
                )
            kind = "success" if state.recovered_at else "failure"
            if not target.notify(body=message.text, title=message.subject, notify_type=kind):
                reason = said.last.replace(url, self.name)
                raise ChannelFailed(f"{self.name}: {reason}", next_step="see whether that service answers")
        finally:
            log.removeHandler(said)


class _Said(logging.Handler):
    """Keeps Apprise's last complaint, which names the service and the status, never the address' secret parts."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = "the service did not take the message"

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING:
            self.last = record.getMessage()[:300]


def _said(problem: Exception) -> str:
    if isinstance(problem, smtplib.SMTPResponseException):
        text = problem.smtp_error
        return f"{problem.smtp_code} {text.decode(errors='replace') if isinstance(text, bytes) else text}"[:300]
    if isinstance(problem, smtplib.SMTPRecipientsRefused):
        return "; ".join(f"{code} {said.decode(errors='replace')}" for code, said in problem.recipients.values())[:300]
    return str(problem)[:300] or type(problem).__name__
