"""Who may do what: each method of each path of the OpenAPI document, asked by everybody there is; and the stream of events."""

import http.client
import json
import re
import socket
import time

from rig.api import Api
from rig.claims import needs
from rig.ports import HOST
from rig.switch import phone

ROLES = ["nobody", "viewer", "operator", "admin"]
STREAMS_MAX = 128

# Whoever adds a path says here what it takes, unless it is like those that are there: who looks is a viewer, who ends calls and
# changes devices an operator, and the rest is an administrator's.
FOR_ALL = {"/healthz", "/metrics", "/api/v1/openapi.json"}
OPERATORS = r"/api/v1/(phones|mapping-gateways|routing-gateways|calls|registrations|debug-traces)(/|$)|/external/server/Disconnect"
ADMINS_EYES = r"/api/v1/(users|tokens)(/|$)"


def expected_role(method, path):
    if path in FOR_ALL or (path == "/api/v1/session" and method != "get"):
        return "nobody"
    if path == "/api/v1/session/password" or path.startswith("/external/server/Get"):
        return "viewer"
    if method == "get":
        return "admin" if re.match(ADMINS_EYES, path) else "viewer"
    return "operator" if re.match(OPERATORS, path) else "admin"


def ask(api, method, path):
    """The status of a request that changes nothing: there is no thing of that name, and no body that could be taken."""
    connection = http.client.HTTPConnection(api.host, api.port, timeout=10)
    headers = {"Authorization": f"Bearer {api.token}"} if api.token else {}
    body = {"POST": '{"draining": false}' if path.endswith("/drain") else "[]", "PUT": "[]"}.get(method)
    try:
        connection.request(method, path.replace("{id}", "nothing-of-that-name"), body, headers)
        return connection.getresponse().status  # a stream of events has no end to wait for
    finally:
        connection.close()


def everybody(switch):
    """An Api for each role."""
    tokens = {role: switch.api.put(f"/api/v1/tokens/for-{role}", {"role": role})["token"] for role in ROLES[1:]}
    return {role: Api(HOST, switch.admin_port, tokens.get(role)) for role in ROLES}


@needs("switch")
def test_each_method_of_each_path_is_refused_to_those_below_its_role_and_to_nobody_else(rig):
    switch = rig.switch(arguments=["--vos3000-api", "1"])
    apis, problems, asked = everybody(switch), [], 0
    paths = switch.api.get("/api/v1/openapi.json")["paths"]
    for path, method, operation in [(path, method, operation) for path in paths for method, operation in paths[path].items()]:
        role = operation.get("x-role")
        if role != expected_role(method, path):
            problems.append(f"{method} {path} takes the role {role}, {expected_role(method, path)} was expected")
            continue
        for who in ROLES:
            status, asked = ask(apis[who], method.upper(), path), asked + 1
            is_allowed = ROLES.index(who) >= ROLES.index(role)
            refusal = 401 if who == "nobody" else 403
            # 401 and 403 are for who may not; only signing in says 401 to those who may try.
            if is_allowed == (status == refusal) and not (is_allowed and path == "/api/v1/session"):
                problems.append(f"{method} {path}, which takes the role {role}, is answered to {who} with {status}")
    assert asked >= 200 and not problems, "\n".join(problems)


@needs("switch")
def test_the_description_names_the_role_of_every_path_and_no_other_is_open(rig):
    description = rig.switch().api.get("/api/v1/openapi.json")
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            assert operation.get("x-role") in ROLES, (method, path)
            assert (operation.get("security") == []) == (operation["x-role"] == "nobody"), (method, path)


# --- events -----------------------------------------------------------------------------------------------------------

class Stream:
    """Server-sent events as they come."""

    def __init__(self, switch, token, buffer_bytes=None):
        self.socket = socket.socket()
        if buffer_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        self.socket.settimeout(10)
        self.socket.connect((HOST, switch.admin_port))
        self.socket.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        self.text = ""

    def status(self):
        while "\r\n" not in self.text:
            self.text += self.socket.recv(65536).decode()
        return int(self.text.split()[1])

    def events(self, count):
        """The first `count` events, as (name, what it carries)."""
        def found():
            plain = re.sub(r"\r\n[0-9a-f]+\r\n", "", self.text)  # without the lengths of chunks
            return re.findall(r"event: (\w+)\ndata: (.*)\n\n", plain)
        while len(found()) < count:
            piece = self.socket.recv(65536).decode()
            assert piece, "the stream has ended"
            self.text += piece
        return [(name, json.loads(data)) for name, data in found()]


@needs("switch", "sipp")
def test_a_viewer_gets_the_status_each_second_and_what_changes_but_no_secret(rig):
    switch = rig.switch(phones=[phone("1001")])
    viewer = everybody(switch)["viewer"]
    stream = Stream(switch, viewer.token)
    assert stream.status() == 200 and "text/event-stream" in stream.text, stream.text
    assert stream.events(1)[0][0] == "status"
    rig.phone(switch, "1001")
    while not any(name == "registrations" and value == 1 for name, value in stream.events(1)):
        stream.text += stream.socket.recv(65536).decode()
    [shown] = [value for name, value in stream.events(1) if name == "status"][-1:]
    assert shown["registrations"] == 1 and set(shown) == set(viewer.get("/api/v1/status")), shown
    for secret in ("secret of 1001", (switch.data / "admin.token").read_text().strip(), viewer.token):
        assert secret not in stream.text
    assert Stream(switch, "no token").status() == 401


@needs("switch")
def test_who_does_not_read_events_delays_nobody_and_there_is_an_end_to_listeners(rig):
    switch = rig.switch()
    token = switch.api.token
    lazy = [Stream(switch, token, buffer_bytes=2048) for _ in range(STREAMS_MAX - 1)]
    busy = Stream(switch, token)
    began = time.monotonic()
    assert busy.status() == 200 and len(busy.events(5)) >= 5
    assert time.monotonic() - began < 15, "the others who listen wait"
    assert Stream(switch, token).status() == 503, "there is room for any number of listeners"
    assert switch.api.get("/api/v1/status")["version"]
    # Who reads at last gets whole events, and the newest there are.
    assert lazy[0].events(1)[0][0] == "status"
    for stream in lazy:
        stream.socket.close()
    last = Stream(switch, token)
    deadline = time.monotonic() + 10
    while last.status() != 200 and time.monotonic() < deadline:
        time.sleep(0.2)
        last = Stream(switch, token)
    assert last.status() == 200, "those who have gone keep their places"


@needs("switch")
def test_the_stream_of_a_removed_token_ends(rig):
    switch = rig.switch()
    stream = Stream(switch, everybody(switch)["viewer"].token)
    assert stream.status() == 200 and stream.events(1)
    switch.api.delete("/api/v1/tokens/for-viewer")
    deadline = time.monotonic() + 8
    while not stream.text.endswith("\r\n0\r\n\r\n"):  # the last chunk; the connection may go on
        stream.text += stream.socket.recv(65536).decode()
        assert time.monotonic() < deadline, "events go on to who may not see them any more"
