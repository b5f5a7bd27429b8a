"""The login of a MySQL client whose wish for TLS is granted here, or with the server's.

Granted here, the server never hears of it: the client's packets are numbered one too high for
it, its own one too low for the client, until the login is over.
"""

from __future__ import annotations

from chaostui.protocol import Frame
from chaostui.protocols.framing import step
from chaostui.protocols.lengths import MORE
from chaostui.protocols.mysql_packets import LOGIN, TLS
from chaostui.protocols.mysql_replies import Replies
from chaostui.protocols.mysql_requests import Requests

SSL_REQUEST = 32
"""The length of Protocol::SSLRequest: a login without its user."""
FLAGS = slice(4, 8)
"""Where in a packet a login has the client's capabilities."""


def renumbered(packet: bytes, by: int) -> bytes:
    """A packet, or its begin, with another number."""
    return packet[:3] + bytes(((packet[3] + by) & 0xFF,)) + packet[4:]


class SecuredRequests(Requests):
    """The bytes from a client that may wish for TLS."""

    step: Frame | None = None
    """What becomes of that."""
    patch = b""
    """What the current packet begins with for the server."""

    def handshake(self, data: bytes, at: int, size: int) -> int:
        if self.halted:
            return MORE
        session, flags = self.session, int.from_bytes(data[at:][FLAGS], "little")
        login = session.phase == LOGIN
        if login and size == SSL_REQUEST and len(data) - at >= 4 + size and flags & TLS:
            self.secure(data[at : at + 4 + size])
            return 4 + size
        session.asked = b""
        taken = super().handshake(data, at, size)
        if taken != MORE and session.shift:
            raw = renumbered(self.command.raw or data[at : at + 8], -session.shift)
            if login:
                raw = raw[:4] + (flags & ~TLS).to_bytes(4, "little") + raw[8:]
            self.command.raw = self.command.raw and raw
            self.patch = raw[:8]
        return taken

    def secure(self, seen: bytes) -> None:
        """Take the wish for TLS."""
        self.closes = self.halted = True
        if self.session.tls == "grant":
            self.session.shift = 1
            self.step = step(seen, tls="client")
            return
        self.session.asked = seen
        # Complete, so that a fault that answers requests can say that it passes.
        self.step = step(seen, tls="both")._replace(last=True)

    def frame(self, data: bytes) -> Frame:
        if self.step is not None:
            made, self.step = self.step, None
            return made
        if self.patch:
            data, self.patch = self.patch + data[len(self.patch) :], b""
        return super().frame(data)


class SecuredReplies(Replies):
    """The bytes from the server of such a client."""

    within = 0
    """Bytes to come of the packet that the last frame has begun."""

    def feed(self, data: bytes) -> list[Frame]:
        by = self.session.shift
        frames = super().feed(data)
        if not by:
            return frames
        if self.session.logged_in:
            self.session.shift = 0
        return [frame._replace(data=self.shifted(frame.data, by)) for frame in frames]

    def shifted(self, data: bytes, by: int) -> bytes:
        """Renumber the packets that begin in a frame's bytes; none begins with a part of a head."""
        shown, at = bytearray(data), self.within
        while at + 4 <= len(data):
            shown[at + 3] = (shown[at + 3] + by) & 0xFF
            at += 4 + int.from_bytes(data[at : at + 3], "little")
        self.within = at - len(data)
        return bytes(shown)
