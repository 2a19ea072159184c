"""What every e-mail shares: a session with the mail server of province.yml, and headers that keep Vietnamese whole."""

from __future__ import annotations

import smtplib
import ssl
from email.header import Header
from email.policy import EmailPolicy
from typing import Any

from onestop.config import Mail, required_secrets


class _Policy(EmailPolicy):
    """SMTP's, but for what Python 3.11 does to a long header: it loses blanks between words that it encodes."""

    def fold(self, name: str, value: Any) -> str:
        return self._folded(name, value) or super().fold(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        whole = self._folded(name, value)
        return whole.encode("ascii") if whole else super().fold_binary(name, value)

    def _folded(self, name: str, value: Any) -> str | None:
        text = str(value)
        if name.lower() != "subject" or text.isascii():
            return None
        return f"{name}: {Header(text, 'utf-8', header_name=name).encode(linesep=self.linesep)}{self.linesep}"


POLICY = _Policy(linesep="\r\n")


def session(mail: Mail) -> smtplib.SMTP:
    """A connection that is safe and logged in, as far as province.yml wants it; close it.

    Raises:
        ConfigurationError: a secret is not set.
        OSError, smtplib.SMTPException: what the network or the server says.
    """
    context = ssl.create_default_context()
    credentials = required_secrets(*mail.secrets)
    made = (
        smtplib.SMTP_SSL(mail.host, mail.port, timeout=mail.timeout_seconds, context=context)
        if mail.security == "tls"
        else smtplib.SMTP(mail.host, mail.port, timeout=mail.timeout_seconds)
    )
    try:
        if mail.security == "starttls":
            made.starttls(context=context)
        if credentials:
            made.login(*credentials)
        made.ehlo_or_helo_if_needed()
    except BaseException:
        made.close()
        raise
    return made
