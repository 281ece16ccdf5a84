"""A small SIP user agent over TLS, as far as a call needs one: it connects (a phone, a customer) or listens (a vendor)."""

import re
import select
import socket
import ssl
import threading
import uuid
from hashlib import md5

from .ports import HOST
from .sip_message import parse
from .waiting import wait_until

_SDP = ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        "m=audio 40000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n")


def client_context(authority, identity=None):
    """Trusts `authority` only, and shows `identity` to whom asks."""
    context = ssl.create_default_context(cafile=authority.certificate)
    if identity:
        context.load_cert_chain(identity.certificate, identity.key)
    return context


def server_context(identity, clients=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.certificate, identity.key)
    if clients:
        context.load_verify_locations(clients.certificate)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class Line:
    """One TLS connection: what came is in `messages`, in order (SipMessage); requests are handed to `on_request`."""

    def __init__(self, connection, on_request=None):
        self.connection, self.on_request = connection, on_request
        self.messages, self.is_over = [], False
        self.host = f"{HOST}:{connection.getsockname()[1]}"
        self._using = threading.Lock()  # OpenSSL does not bear one connection read and written at the same time
        connection.setblocking(False)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        unread = b""
        try:
            while data := self._receive():
                unread = self._take(unread + data)
        except (OSError, ValueError):  # broken; closed by us
            pass
        self.is_over = True

    def _receive(self):
        while True:
            with self._using:
                try:
                    return self.connection.recv(65536)
                except ssl.SSLWantReadError:
                    pass
            select.select([self.connection], [], [])

    def _take(self, unread):
        unread = unread.lstrip(b"\r\n")
        while (end := unread.find(b"\r\n\r\n")) >= 0:
            length = re.search(rb"(?mi)^(?:content-length|l)\s*:\s*(\d+)", unread[:end])
            end += 4 + int(length[1])
            if len(unread) < end:
                break
            message = parse(unread[:end].decode(), "received")
            unread = unread[end:].lstrip(b"\r\n")
            self.messages.append(message)
            if message.is_request and self.on_request:
                self.on_request(self, message)
        return unread

    def send(self, start_line, headers, body=""):
        lines = [start_line, *(f"{name}: {value}" for name, value in headers), f"Content-Length: {len(body)}", "", body]
        with self._using:
            self.connection.sendall("\r\n".join(lines).encode())

    def answer(self, request, status, reason, tag="", headers=(), body=""):
        """Answers a request with its Via, From, To, Call-ID and CSeq, and our Contact."""
        kept = [(name.title(), value) for name, value in request.headers
                if name in ("via", "from", "to", "call-id", "cseq", "record-route")]
        if tag:
            kept = [(name, f"{value};tag={tag}" if name == "To" and "tag=" not in value else value) for name, value in kept]
        self.send(f"SIP/2.0 {status} {reason}", [*kept, ("Contact", f"<sip:{self.host};transport=tls>"), *headers], body)

    def wait_for(self, accepts, what):
        """Returns the first message that `accepts` takes."""
        return wait_until(lambda: next((m for m in list(self.messages) if accepts(m)), None), what)

    def wait_for_status(self, method, *statuses, cseq=None):
        return self.wait_for(lambda m: not m.is_request and m.method == method and m.status in statuses
                             and (cseq is None or m["cseq"].startswith(f"{cseq} ")), f"{statuses} to {method}")

    def wait_for_request(self, method):
        return self.wait_for(lambda m: m.is_request and m.method == method, f"a {method}")

    def wait_until_over(self):
        wait_until(lambda: self.is_over, "the connection ends")

    def close(self):
        with self._using:
            self.connection.close()


class TlsPhone(Line):
    """Connects to `port` and registers as `number`; answers calls at once with 200, and a BYE."""

    def __init__(self, port, number, context, server_name=HOST):
        raw = socket.create_connection((HOST, port), timeout=10)
        connection = context.wrap_socket(raw, server_hostname=server_name)
        self.number, self.call_id, self.cseq = number, f"{uuid.uuid4()}", 0
        self.tag = uuid.uuid4().hex[:8]
        super().__init__(connection, answer_calls)

    def request(self, method, uri, to, headers=(), body="", call_id=None, cseq=None):
        """Sends a request of its own; returns its CSeq number."""
        self.cseq = cseq or self.cseq + 1
        self.send(f"{method} {uri} SIP/2.0", [
            ("Via", f"SIP/2.0/TLS {self.host};branch=z9hG4bK{uuid.uuid4().hex}"), ("Max-Forwards", "70"),
            ("From", f"<sip:{self.number}@{HOST}>;tag={self.tag}"), ("To", to), ("Call-ID", call_id or self.call_id),
            ("CSeq", f"{self.cseq} {method}"), ("Contact", f"<sip:{self.number}@{self.host};transport=tls>"), *headers], body)
        return self.cseq

    def _with_credentials(self, method, uri, to, password, headers=(), body="", call_id=None):
        """Sends it, answers the challenge, and returns the second sending's CSeq number."""
        cseq = self.request(method, uri, to, headers, body, call_id)
        challenge = self.wait_for_status(method, 401, 407, cseq=cseq)
        if method == "INVITE":
            self.request("ACK", uri, challenge["to"], (), "", call_id, cseq)
        is_proxy = challenge.status == 407
        fields = dict(re.findall(r'(\w+)="?([^",]*)"?', challenge["proxy-authenticate" if is_proxy else "www-authenticate"]))

        def digest(*parts):
            return md5(":".join(parts).encode()).hexdigest()
        response = digest(digest(self.number, fields["realm"], password), fields["nonce"], "00000001", "c", "auth",
                          digest(method, uri))
        credentials = (f'Digest username="{self.number}", realm="{fields["realm"]}", nonce="{fields["nonce"]}", uri="{uri}", '
                       f'response="{response}", algorithm=MD5, qop=auth, nc=00000001, cnonce="c"')
        name = "Proxy-Authorization" if is_proxy else "Authorization"
        return self.request(method, uri, to, [*headers, (name, credentials)], body, call_id)

    def register(self, password):
        cseq = self._with_credentials("REGISTER", f"sip:{HOST}", f"<sip:{self.number}@{HOST}>", password)
        return self.wait_for_status("REGISTER", 200, cseq=cseq)

    def call(self, number, password):
        """Calls, and acknowledges the final answer, which is returned."""
        call_id, uri = f"{uuid.uuid4()}", f"sip:{number}@{HOST}"
        cseq = self._with_credentials("INVITE", uri, f"<{uri}>", password, [("Content-Type", "application/sdp")], _SDP, call_id)
        final = self.wait_for(lambda m: m.method == "INVITE" and m.status >= 200 and m["cseq"].startswith(f"{cseq} "),
                              "a final answer")
        target = re.search(r"<([^>]+)>", final["contact"])[1] if final.status == 200 else uri
        self.request("ACK", target, final["to"], (), "", call_id, cseq)
        self.latest = (target, final["to"], call_id)
        return final

    def hang_up(self):
        target, to, call_id = self.latest
        return self.wait_for_status("BYE", 200, cseq=self.request("BYE", target, to, (), "", call_id))


def answer_calls(line, request):
    """What a device does that is called: it takes the call, and lets it go."""
    if request.method == "INVITE":
        line.answer(request, 180, "Ringing", "callee")
        line.answer(request, 200, "OK", "callee", [("Content-Type", "application/sdp")], _SDP)
    elif request.method != "ACK":
        line.answer(request, 200, "OK", "callee")


class TlsVendor:
    """Listens on a port of its own and answers every call; its connections are in `lines`, who was refused in `refusals`."""

    def __init__(self, context):
        self.context, self.lines, self.refusals = context, [], []
        self.socket = socket.create_server((HOST, 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            raw, _ = self.socket.accept()
            try:
                self.lines.append(Line(self.context.wrap_socket(raw, server_side=True), answer_calls))
            except OSError as problem:
                self.refusals.append(problem)

    def wait_for_request(self, method):
        line = wait_until(lambda: self.lines and self.lines[-1], "somebody connects")
        return line.wait_for_request(method)
