"""What a mail server writes when it could not deliver after all."""

from __future__ import annotations

NAME = "<0123456789abcdef0123456789abcdef@daklak.gov.vn>"


def report(*, action: str = "failed", enclosed: str = "message/rfc822", name: str = NAME) -> str:
    """What Postfix writes, shortened."""
    return f"""From: MAILER-DAEMON@mail.daklak.gov.vn (Mail Delivery System)
To: baocao@daklak.gov.vn
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.

--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.daklak.gov.vn

Final-Recipient: rfc822; Vanthu@so.daklak.gov.vn
Action: {action}
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <vanthu@so.daklak.gov.vn>:
    Recipient address rejected: User unknown

--B
Content-Type: {enclosed}

From: baocao@daklak.gov.vn
Message-ID: {name}
Subject: x

text
--B--
"""
