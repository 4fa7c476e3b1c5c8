"""Delivery by mail: SMTP with STARTTLS or TLS from the first byte, certificate checked, over a line that ends when its time is over.

References: RFC 5321 (SMTP), RFC 3207 (STARTTLS), RFC 8314 (implicit TLS), RFC 3834 (Auto-Submitted), RFC 5322 (Message-ID).
"""

import smtplib
import socket
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from email.utils import format_datetime
from html import escape
from pathlib import Path

from city.problems import PenstockError, fault
from service.notices.line import Watched, context, printable, watched
from service.notices.outbox import Waiting
from service.notices.settings import Email

_CELL = 'style="padding:3px 14px 3px 0;vertical-align:top;border-bottom:1px solid #d5d8da"'
_BODY = "font:14px/1.45 'Noto Sans','Noto Sans SC','Microsoft YaHei',Arial,sans-serif;color:#1f2326;max-width:46em"


def message(channel: Email, notice: Waiting) -> EmailMessage:
    """The mail of a notice: the same notice gives the same Message-ID and the same bytes, so that a second delivery can be told."""
    made = EmailMessage(policy=POLICY)
    domain = channel.sender.rpartition("@")[2]
    made["Message-ID"] = f"<{notice.stable_id}@{domain}>"
    made["Date"] = format_datetime(notice.made_utc)
    made["From"] = Address("Penstock", addr_spec=channel.sender)
    made["To"] = [Address(addr_spec=address) for address in channel.to]
    made["Subject"] = printable(notice.title, most=180)  # one line: nothing in it can begin another header
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(text(notice))
    made.add_alternative(html(notice, channel.language), subtype="html")
    made["Content-Language"] = channel.language
    made.set_boundary(f"=-{notice.stable_id}")
    return made


def text(notice: Waiting) -> str:
    """The notice as plain text."""
    facts = [f"{label}: {value}" for label, value in notice.body["facts"]]
    return "\n".join([notice.title, "", *facts, "", *(f"- {line}" for line in notice.body["lines"]), "", notice.body["foot"], ""])


def html(notice: Waiting, language: str) -> str:
    """The notice as HTML that asks for nothing outside itself; everything in it is escaped."""
    facts = "".join(
        f"<tr><td {_CELL}>{escape(label)}</td><td {_CELL}><b>{escape(value)}</b></td></tr>" for label, value in notice.body["facts"]
    )
    lines = "".join(f"<li>{escape(line)}</li>" for line in notice.body["lines"])
    body = f"<h2 style='font-size:17px;margin:0 0 10px'>{escape(notice.title)}</h2><table cellspacing='0'>{facts}</table><ul>{lines}</ul>"
    foot = f"<p style='color:#5a6268;font-size:12px'>{escape(notice.body['foot'])}</p>"
    return f'<!doctype html><html lang="{language}"><meta charset="utf-8"><body style="{_BODY}">{body}{foot}</body></html>\n'


class _Server(smtplib.SMTP):
    """A session over a watched line; with `tls` from the first byte."""

    def __init__(self, host: str, port: int, line: Watched, tls: ssl.SSLContext | None) -> None:
        self._line, self._tls = line, tls
        super().__init__(host, port, timeout=line.left_s)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002 - the line knows what is left
        return self._line.dial(host, port, self._tls)


def send(channel: Email, secret: str, notice: Waiting, beside: Path) -> str:
    """Hand the mail to the server. Returns who was refused, as a sentence, or nothing. Raises `PenstockError` when nobody got it."""
    if channel.user and not secret:
        remedy = f'Set PENSTOCK_NOTIFY_SECRETS to JSON such as {{"{channel.id}": "..."}}.'
        raise fault(f"notify {channel.id}", "no secret", f"the password of {channel.user}", remedy)
    tls = context(channel, beside) if channel.tls != "none" else None
    refused: dict[str, tuple[int, bytes]] | None = None
    with watched(channel) as line:
        try:
            with _Server(channel.host, channel.port, line, tls if channel.tls == "implicit" else None) as server:
                if channel.tls == "starttls":
                    server.starttls(context=tls)
                if channel.user:
                    server.login(channel.user, secret)
                refused = server.send_message(message(channel, notice))
        except smtplib.SMTPException as error:
            if refused is None and line.over:
                raise TimeoutError from None
            if refused is None:  # what goes wrong after the server took the mail, at the good-bye, undoes nothing
                raise _told(channel, error, secret) from None
    return f"refused: {printable(', '.join(sorted(refused)), secret)}" if refused else ""


def _told(channel: Email, error: smtplib.SMTPException, secret: str) -> PenstockError:
    """What a mail server objects to, as a sentence."""
    remedy = "It is tried again; ask who runs the mail server."
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return fault(f"notify {channel.id}", printable(str(error), secret), "a server that offers it", "Correct tls or user.")
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        said = "; ".join(f"{who}: {code} {what.decode('utf-8', 'replace')}" for who, (code, what) in error.recipients.items())
        return fault(f"notify {channel.id}", f"refuses every recipient: {printable(said, secret)}", "one that it takes", "Correct `to`.")
    if isinstance(error, smtplib.SMTPResponseException):
        raw = error.smtp_error
        said = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
        allowed = "the sign-in" if isinstance(error, smtplib.SMTPAuthenticationError) else "the mail"
        return fault(
            f"notify {channel.id}", f"answers {error.smtp_code}: {printable(said, secret)}", f"a server that takes {allowed}", remedy
        )
    return fault(f"notify {channel.id}", printable(str(error), secret), "a mail server that answers", remedy)
