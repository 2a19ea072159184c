"""Sends a parcel as one e-mail to one address.

Whether the other side took it is known by its last answer alone. Everything that goes wrong before the message's end was
handed over is surely not delivered; a connection that is lost after it is unknown, and never sent again by itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import mimetypes
import re
import smtplib
import ssl
from collections.abc import Callable
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import PurePath

from onestop.config import Mail
from onestop.delivery.parcel import Outcome, Parcel
from onestop.errors import OnestopError
from onestop.smtp import POLICY, session

_LONGEST_ANSWER = 300
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_KINDS = {".docx": _WORD, ".xlsx": _EXCEL}  # whatever the machine's own list says
_NETWORK = (
    "see whether the mail server runs and can be reached (delivery.mail in province.yml), then deliver with --retry"
)


def message_id(mail: Mail, *parts: object) -> str:
    """The same for the same parts: what is sent a second time can be told by whoever has the first."""
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()
    return f"<{digest[:32]}@{mail.sender.rpartition('@')[2]}>"


def letter(mail: Mail, to: str, parcel: Parcel, *, sender_name: str, name: str, at: datetime) -> EmailMessage:
    """The message: letter and files. `name`: its Message-ID."""
    made = EmailMessage(policy=POLICY)
    made["From"] = Address(sender_name, addr_spec=mail.sender)
    made["To"] = to
    made["Subject"] = parcel.subject
    made["Date"] = format_datetime(at)
    made["Message-ID"] = name
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(parcel.text, cte="base64")
    for file, content in parcel.files.items():
        suffix = PurePath(file).suffix
        kind = _KINDS.get(suffix) or mimetypes.guess_type(file)[0] or "application/octet-stream"
        main, _, sub = kind.partition("/")
        made.add_attachment(content, maintype=main, subtype=sub, filename=file)
    return made


def send(mail: Mail, to: str, message: EmailMessage) -> Outcome:
    """Hand the message to the server for one address. Whatever happens, an outcome."""
    connection = _opened(mail)
    if isinstance(connection, Outcome):
        return connection
    with contextlib.closing(connection):
        return _handed_over(connection, mail, to, message)


def look(mail: Mail) -> Outcome:
    """Whether the server can be reached and lets us in; nothing is sent. `sent`: it does."""
    connection = _opened(mail)
    if isinstance(connection, Outcome):
        return connection
    with contextlib.closing(connection), contextlib.suppress(smtplib.SMTPException, OSError):
        connection.quit()
    return Outcome("sent", f"{mail.host}:{mail.port} lets us in")


def _opened(mail: Mail) -> smtplib.SMTP | Outcome:
    """A session, or why there is none."""
    try:
        return session(mail)
    except smtplib.SMTPAuthenticationError as problem:
        return Outcome(
            "failed",
            f"the mail server refused the log-in: {_said(problem.smtp_code, problem.smtp_error)}",
            f"correct {' and '.join(mail.secrets)}, then deliver with --retry",
        )
    except smtplib.SMTPNotSupportedError as problem:
        return Outcome("failed", f"the mail server cannot do it: {problem}", "correct delivery.mail in province.yml")
    except ssl.SSLCertVerificationError as problem:
        return Outcome(
            "failed",
            f"the mail server's certificate is not trusted: {problem.verify_message}",
            "name the server as its certificate does, or its authority's file in SSL_CERT_FILE; then --retry",
        )
    except smtplib.SMTPResponseException as problem:
        return _refused("the mail server", problem.smtp_code, problem.smtp_error)
    except OnestopError as problem:
        return Outcome("failed", problem.message, problem.next_step)
    except (smtplib.SMTPException, OSError) as problem:
        return Outcome("failed", f"the mail server cannot be reached: {_words(problem)}", _NETWORK, can_retry=True)


def _handed_over(connection: smtplib.SMTP, mail: Mail, to: str, message: EmailMessage) -> Outcome:
    content = re.sub(rb"(?m)^\.", b"..", message.as_bytes())
    options = [f"size={len(content)}"] if connection.has_extn("size") else []
    steps: tuple[tuple[str, Callable[[], tuple[int, bytes]]], ...] = (
        (f"the sender {mail.sender}", lambda: connection.mail(mail.sender, options)),
        (f"the address {to}", lambda: connection.rcpt(to)),
        ("the message", lambda: connection.docmd("DATA")),
    )
    try:
        for what, ask in steps:
            code, answer = ask()
            if code not in (250, 251, 354):
                return _refused(what, code, answer)
        connection.send(content)
    except (smtplib.SMTPException, OSError) as problem:
        return Outcome(
            "failed", f"the connection was lost before the message's end: {_words(problem)}", _NETWORK, can_retry=True
        )
    try:
        connection.send(b".\r\n")
        code, answer = connection.getreply()
    except (smtplib.SMTPException, OSError) as problem:
        return Outcome(
            "unknown",
            f"the mail server had all of it, but gave no answer: {_words(problem)}",
            f"ask {to} whether it arrived (Message-ID {message['Message-ID']})",
        )
    with contextlib.suppress(smtplib.SMTPException, OSError):
        connection.quit()
    if code != 250:
        return _refused("the message", code, answer)
    return Outcome("sent", f"{_said(code, answer)}; Message-ID {message['Message-ID']}")


def _refused(what: str, code: int, answer: bytes | str) -> Outcome:
    """4xx: not now. 5xx: never, as it is."""
    said = f"{what} was refused: {_said(code, answer)}"
    if 500 <= code < 600:
        return Outcome("bounced", said)
    return Outcome("failed", said, "wait a while, then deliver with --retry", can_retry=True)


def _said(code: int, answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return f"{code} {' '.join(text.split())}"[:_LONGEST_ANSWER]


def _words(problem: Exception) -> str:
    return f"{type(problem).__name__}: {problem}"[:_LONGEST_ANSWER] if str(problem) else type(problem).__name__
