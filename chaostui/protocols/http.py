"""http: HTTP/1.1 (RFC 9110, 9112); errors are status pages, or replies that break off."""

from __future__ import annotations

import random
import re
from typing import Annotated, Any

from msgspec import Meta

from chaostui.actions import Action, Close, Reply
from chaostui.protocol import Frame, Kind, ProtocolOptions, Request
from chaostui.protocols.framing import Framed
from chaostui.protocols.http_heads import VERSION, head_end
from chaostui.protocols.http_messages import Replies, Requests

HOST = re.compile(rb"(\nhost:[ \t]*)[^\r\n]*", re.IGNORECASE)

PAGES = {
    "500": ("Internal Server Error", True),
    "501": ("Not Implemented", True),
    "502": ("Bad Gateway", True),
    "503": ("Service Unavailable", True),
    "504": ("Gateway Timeout", False),
    "408": ("Request Timeout", False),
    "429": ("Too Many Requests", False),
}
"""Reason phrases, and whether an error without a kind may be this one."""

BROKEN = {
    "short_body": ("200 whose body ends early", b"Content-Length: 1000\r\n\r\nThis is not"),
    "broken_chunk": (
        "200 whose second chunk has no size",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nThis \r\nchaos\r\n",
    ),
}
"""Replies that begin well and end with the connection."""


SECRET_FIELDS = re.compile(
    rb"\n(?:authorization|proxy-authorization|cookie|set-cookie|x-api-key|x-auth-token):"
    rb"[ \t]*([^\r\n]*)",
    re.IGNORECASE,
)
SECRET_IN_URL = re.compile(
    rb"[a-z]://([^/?#@\s]+)@"
    rb"|[?&;](?:[a-z_-]*(?:password|passwd|secret|token)|pwd|pass|key|api[_-]?key|auth|code|sig"
    rb"|signature|x-amz-signature|x-amz-credential|session|sid)=([^&;#\s]*)",
    re.IGNORECASE,
)


class Http(Framed):
    """HTTP/1.1 up to an upgrade; request heads are held back until they are complete."""

    name = "http"
    ports = (80, 8000, 8080)
    example = "curl http://{listen}/"
    alpn = ("http/1.1",)
    requests = Requests
    replies = Replies
    kinds = (
        *(Kind(code, f"{code} {reason}", default=usual) for code, (reason, usual) in PAGES.items()),
        *(Kind(name, what) for name, (what, _) in BROKEN.items()),
        Kind("garbage", "a reply that is not HTTP, then the connection ends"),
    )

    class Options(ProtocolOptions, frozen=True, kw_only=True):
        """What to change, and what errors say."""

        overwrite_host_header: Annotated[
            bool, Meta(description="put the backend's name into the Host header of requests")
        ] = False
        retry_after: Annotated[
            int,
            Meta(ge=0, description="Retry-After of 429 and 503", extra={"unit": "s"}),
        ] = 1

    upstream: Requests

    def __init__(
        self, backend: str = "", dice: random.Random | None = None, **options: Any
    ) -> None:
        super().__init__(backend, dice, **options)
        self.host = b""
        """What the Host header shall say; empty: what the client wrote."""
        if self.options.overwrite_host_header and not backend.startswith("unix:"):
            self.host = backend.removesuffix(":80").encode("ascii", "ignore")

    def request(self, data: bytes) -> list[Frame]:
        frames = super().request(data)
        if self.host:
            return [self._rewritten(frame) for frame in frames]
        return frames

    def _rewritten(self, frame: Frame) -> Frame:
        """Put the backend's name into the head, which a first frame has whole."""
        if frame.request is None or not frame.first:
            return frame
        data = frame.data
        start = len(data) - len(data.lstrip(b"\r\n"))
        host = HOST.search(data, start, head_end(data, start))
        if host is None:
            return frame
        return frame._replace(data=data[: host.end(1)] + self.host + data[host.end() :])

    def shown(self, frame: Frame, *, upstream: bool) -> bytes:
        data = frame.data
        if not frame.first and (upstream or not data.startswith(VERSION)):
            return data
        empty = len(data) - len(data.lstrip(b"\r\n"))
        end = head_end(data, empty)
        end = len(data) if end < 0 else end
        head = SECRET_IN_URL.sub(_starred, SECRET_FIELDS.sub(_starred, data[empty:end]))
        return data[:empty] + head + data[end:]

    def speak(self, kind: str, request: Request | None) -> tuple[Action, ...]:
        kind, meant = self._nearest(kind, request), kind
        what = kind if kind == meant else f"{kind} for {meant}"
        start = b"HTTP/1.1 200 OK\r\nServer: chaostui\r\nContent-Type: text/plain\r\n"
        if kind in BROKEN:
            return (Reply(start + BROKEN[kind][1], what), Close())
        if kind == "garbage":
            return (Reply(b"\x00\xffchaos\r\n\r\n", what), Close())
        # Where a request would end that is answered before, nobody can know.
        unfinished = self.upstream.inside and self.upstream.request is request
        last = request is not None and (unfinished or bool(request.tag))
        page = Reply(self._page(kind, request, last=last), what)
        return (page, Close(unread=unfinished)) if last else (page,)

    @staticmethod
    def _nearest(kind: str, request: Request | None) -> str:
        """The kind that a request is answered with where ``kind`` is meant.

        A 200 to CONNECT would open a tunnel, and to HEAD it is whole without a body.
        """
        command = request.command if request is not None else ""
        if kind in BROKEN and command == "CONNECT":
            return "502"
        return "garbage" if kind in BROKEN and command == "HEAD" else kind

    def _page(self, code: str, request: Request | None, *, last: bool) -> bytes:
        text = f"{code} {PAGES[code][0]}"
        lines = [
            f"HTTP/1.1 {text}",
            "Server: chaostui",
            "Content-Type: text/plain",
            f"Content-Length: {len(text) + 1}",
        ]
        if code in ("429", "503"):
            lines.append(f"Retry-After: {self.options.retry_after}")
        if last:
            lines.append("Connection: close")
        body = "" if request is not None and request.command == "HEAD" else f"{text}\n"
        return "\r\n".join([*lines, "", body]).encode()


def _starred(found: re.Match[bytes]) -> bytes:
    """What was found, its group made unreadable."""
    start, end = found.span(found.lastindex or 0)
    at = found.start()
    return found[0][: start - at] + b"*" * (end - start) + found[0][end - at :]
