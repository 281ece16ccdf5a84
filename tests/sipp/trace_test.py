"""The flight recorder from outside: what it keeps of real calls, and in which forms it gives that."""

import re
import socket
import subprocess
from pathlib import Path

from rig.api import Api
from rig.claims import needs, time_limit
from rig.ports import HOST
from rig.switch import mapping_gateway, phone, routing_gateway
from rig.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
CUSTOMER, CALLED = "4930100", "4420200"


class Peer:
    """A device that does exactly what a test tells it, and nothing by itself."""

    def __init__(self, port):
        self.port = port
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, port))
        self.socket.settimeout(10)

    def send(self, port, text):
        self.socket.sendto(text.replace("\n", "\r\n").encode(), (HOST, port))

    def wait_for(self, word):
        """The next message whose first line holds `word`."""
        while True:
            text = self.socket.recv(65535).decode()
            if word in text.split("\r\n")[0]:
                return text

    def invite(self, port, number):
        return (f"INVITE sip:{number}@{HOST}:{port} SIP/2.0\nVia: SIP/2.0/UDP {HOST}:{self.port};branch=z9hG4bKpeer\n"
                f"From: <sip:{CUSTOMER}@{HOST}>;tag=peer\nTo: <sip:{number}@{HOST}>\nCall-ID: peer-{self.port}\n"
                f"CSeq: 1 INVITE\nContact: <sip:{CUSTOMER}@{HOST}:{self.port}>\nMax-Forwards: 70\nContent-Length: 0\n\n")

    def answer(self, request, status):
        head = dict.fromkeys(("Via", "From", "To", "Call-ID", "CSeq"))
        for line in request.split("\r\n")[1:]:
            name, _, value = line.partition(": ")
            head[name] = value if name in head else None
        session = f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
        return (f"SIP/2.0 {status} OK\nVia: {head['Via']}\nFrom: {head['From']}\nTo: {head['To']};tag=callee\n"
                f"Call-ID: {head['Call-ID']}\nCSeq: {head['CSeq']}\nContact: <sip:callee@{HOST}:{self.port}>\n"
                f"Content-Type: application/sdp\nContent-Length: {len(session)}\n\n" + session.replace("\r\n", "\n"))


def one_call(rig, **configuration):
    """A finished call from a customer's gateway to a vendor's. Returns the switch, its record, and both ports."""
    customer, vendor = rig.port(), rig.port()
    switch = rig.switch(mapping_gateways=[mapping_gateway("customer-a", customer)],
                        routing_gateways=[routing_gateway("vendor-a", vendor)], **configuration)
    callee = rig.sipp("callee_answers", port=vendor)
    rig.sipp("gateway_calls", port=customer, to=switch).done()
    callee.done()
    return switch, switch.cdr(), customer, vendor


def raw(switch, path):
    """The bytes of an answer."""
    import http.client
    connection = http.client.HTTPConnection(HOST, switch.admin_port, timeout=10)
    connection.request("GET", path, headers={"Authorization": f"Bearer {switch.api.token}"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 200, f"{path}: {answer.status} {body[:300]}"
    return body


def messages(trace, leg):
    return [item["summary"].split(" +SDP")[0].split(" SE ")[0] for item in trace["items"]
            if item["kind"] == "sip" and item["leg"] == leg]


@needs("switch", "sipp")
def test_a_call_is_shown_with_both_legs_and_original_addresses(rig):
    switch, cdr, customer, vendor = one_call(rig)
    trace = switch.api.get("/api/v1/trace", call=cdr["id"])
    for leg in ("caller", "callee"):
        said = messages(trace, leg)
        assert said[0] == "INVITE" and "200 OK" in said and "ACK" in said and said[-1] == "200 OK (BYE)", (leg, said)
    remotes = {item["leg"]: item["remote"] for item in trace["items"] if item["kind"] == "sip"}
    assert remotes == {"caller": f"{HOST}:{customer}", "callee": f"{HOST}:{vendor}"}, remotes
    assert [p["name"] for p in trace["participants"]] == ["caller", "belfry", "callee"], trace["participants"]
    times = [item["at_us"] for item in trace["items"]]
    assert times == sorted(times)
    ends = {(item["direction"], item["leg"]): (item["from"], item["to"]) for item in trace["items"] if item["kind"] == "sip"}
    assert ends == {("in", "caller"): (0, 1), ("out", "caller"): (1, 0), ("in", "callee"): (2, 1), ("out", "callee"): (1, 2)}
    assert trace["is_damaged"] is False and trace["has_more"] is False


@needs("switch", "sipp")
def test_a_call_is_found_by_number_address_device_and_call_id(rig):
    switch, cdr, customer, vendor = one_call(rig)
    rig.sipp("gateway_is_refused", to=switch, caller="111", number="222", status=403).done()
    wanted = [item["id"] for item in switch.api.get("/api/v1/trace", call=cdr["id"])["items"]]
    for query in ({"number": CUSTOMER}, {"number": CALLED}, {"number": "4420*"}, {"device": "vendor-a"},
                  {"address": f"{HOST}:{vendor}"}, {"call": cdr["caller_call_id"]}, {"call": cdr["callee_call_id"]}):
        found = [item["id"] for item in switch.api.get("/api/v1/trace", **query)["items"] if item["kind"] != "keepalive"]
        assert found == wanted, (query, len(found), len(wanted))
    assert len(switch.api.get("/api/v1/trace", number="222")["items"]) >= 2
    assert switch.api.get("/api/v1/trace", number="999")["items"] == []
    assert switch.api.get("/api/v1/trace", since="0s")["items"] == []


@needs("switch", "sipp")
def test_what_is_recorded_outlives_a_kill(rig):
    switch, cdr, *_ = one_call(rig)
    before = switch.api.get("/api/v1/trace", call=cdr["id"])["items"]
    switch.kill()
    switch.start()
    assert switch.api.get("/api/v1/trace", call=cdr["id"])["items"] == before


@needs("switch", "sipp")
def test_passwords_and_what_is_made_of_them_are_never_recorded(rig):
    switch = rig.switch(phones=[phone("1001")])
    rig.phone(switch, "1001")
    trace = switch.api.get("/api/v1/trace", number="1001")
    answers = [item["text"] for item in trace["items"] if "\r\nAuthorization:" in item.get("text", "")]
    assert answers and all('response="****' in text and 'username="1001"' in text for text in answers), answers
    for ring in (switch.data / "trace").glob("*.ring"):
        assert b'response="*' in ring.read_bytes() or b"Authorization" not in ring.read_bytes()


@needs("switch", "sipp", "tshark")
def test_the_capture_is_read_by_tshark(rig):
    switch, cdr, customer, vendor = one_call(rig)
    capture = rig.directory / "call.pcap"
    capture.write_bytes(raw(switch, f"/api/v1/trace.pcap?call={cdr['id']}"))
    decode = [option for port in (switch.port, customer, vendor) for option in ("-d", f"udp.port=={port},sip")]
    read = subprocess.run(["tshark", "-r", capture, *decode, "-T", "fields", "-e", "ip.src", "-e", "udp.srcport",
                           "-e", "udp.dstport", "-e", "sip.Method", "-e", "sip.Status-Code", "-e", "_ws.malformed"],
                          capture_output=True, text=True, timeout=40)
    rows = [line.split("\t") for line in read.stdout.splitlines()]
    assert read.returncode == 0 and all(row[0] == HOST and not row[5] for row in rows), read
    invites = [(row[1], row[2]) for row in rows if row[3] == "INVITE"]
    assert invites == [(str(customer), str(switch.port)), (str(switch.port), str(vendor))], rows
    sip = [item for item in switch.api.get("/api/v1/trace", call=cdr["id"])["items"] if item["kind"] == "sip"]
    assert len(rows) == len(sip)


@needs("switch", "sipp", "sngrep")
def test_the_capture_is_read_by_sngrep(rig):
    switch, cdr, *_ = one_call(rig)
    capture, text = rig.directory / "call.pcap", rig.directory / "seen.pcap"
    capture.write_bytes(raw(switch, f"/api/v1/trace.pcap?call={cdr['id']}"))
    read = subprocess.run(["sngrep", "-N", "-q", "-I", capture, "-O", text], capture_output=True, text=True, timeout=30,
                          stdin=subprocess.DEVNULL)
    assert read.returncode == 0, read
    assert text.stat().st_size > capture.stat().st_size / 2, f"sngrep kept {text.stat().st_size} bytes"


@needs("switch", "sipp")
def test_the_text_is_a_ladder_with_the_messages_behind_it(rig):
    switch, cdr, *_ = one_call(rig)
    text = raw(switch, f"/api/v1/trace.txt?call={cdr['id']}").decode()
    ladder, _, rest = text.partition("\n\n")
    assert "belfry" in ladder.splitlines()[0] and "INVITE" in ladder and "call ended by the caller: normal" in ladder, ladder
    assert f"Call-ID: {cdr['caller_call_id']}" in rest and f"Call-ID: {cdr['callee_call_id']}" in rest


@needs("switch", "sipp")
def test_the_command_line_draws_the_ladder_and_writes_the_capture(rig):
    switch, cdr, *_ = one_call(rig)
    drawn = switch.command_line("trace", f"call={cdr['id']}")
    assert drawn.returncode == 0 and "INVITE" in drawn.stdout and "Call-ID:" not in drawn.stdout, drawn
    assert "Call-ID:" in switch.command_line("trace", "--full", f"number={CUSTOMER}").stdout
    assert switch.command_line("trace", "--pcap", rig.directory / "a.pcap", f"call={cdr['id']}").returncode == 0
    assert (rig.directory / "a.pcap").read_bytes()[:4] in (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4")
    assert switch.command_line("trace", "colour=red").returncode == 2
    assert switch.command_line("trace", "since=yesterday").returncode == 1


@needs("switch", "sipp")
def test_a_live_view_brings_each_message_once(rig):
    customer, vendor = rig.port(), rig.port()
    switch = rig.switch(mapping_gateways=[mapping_gateway("customer-a", customer)],
                        routing_gateways=[routing_gateway("vendor-a", vendor)])
    live = rig.process("live", [rig.binary, "trace", "--live", f"number={CUSTOMER}", "--data", switch.data])
    callee = rig.sipp("callee_answers", port=vendor)
    rig.sipp("gateway_calls", port=customer, to=switch).done()
    callee.done()
    wait_until(lambda: live.output.count("(BYE)") == 2, "both BYEs are answered in the live view", 10)
    assert len([line for line in live.output.splitlines() if " INVITE" in line]) == 2, live.output


@needs("switch", "sipp")
def test_the_size_is_changed_while_it_runs_and_nothing_is_recorded_at_0(rig):
    switch, cdr, *_ = one_call(rig)
    switch.api.put("/api/v1/parameters/BF_TRACE_SIZE", {"value": 0})
    rig.sipp("gateway_is_refused", to=switch, caller="111", number="222", status=403).done()
    assert switch.api.get("/api/v1/trace", number="222")["items"] == []
    switch.api.put("/api/v1/parameters/BF_TRACE_SIZE", {"value": 8})
    rig.sipp("gateway_is_refused", to=switch, caller="333", number="444", status=403).done()
    assert len(switch.api.get("/api/v1/trace", number="444")["items"]) >= 2
    sizes = sum(ring.stat().st_size for ring in (switch.data / "trace").glob("*.ring"))
    assert sizes < 12 << 20, sizes


@needs("switch", "sipp")
def test_a_damaged_ring_is_reported_and_the_switch_serves(rig):
    switch, cdr, *_ = one_call(rig)
    switch.kill()
    for ring in (switch.data / "trace").glob("*-calls.ring"):
        ring.write_bytes(b"no ring" * 10000)
    switch.start()
    wait_until(lambda: "was no ring" in switch.process.errors, "the damage is in the log", 5)
    assert switch.api.get("/api/v1/trace", call=cdr["id"])["items"] == []
    assert list((switch.data / "trace").glob("*.broken"))


@needs("switch")
def test_a_trace_needs_the_token(rig):
    switch = rig.switch()
    for path in ("trace", "trace.txt", "trace.pcap"):
        assert Api(HOST, switch.admin_port).ask("GET", f"/api/v1/{path}").status == 401
    assert switch.api.ask("GET", "/api/v1/trace", address="nonsense").status == 400
    assert switch.api.ask("GET", "/api/v1/trace", cursor="nonsense").status == 400


# --- to Homer ---------------------------------------------------------------------------------------------------------

class HepReceiver:
    """What a Homer gets: datagrams of HEP version 3, each as chunks by their type."""

    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, port))
        self.socket.settimeout(5)

    def take(self):
        datagram = self.socket.recv(65535)
        assert datagram[:4] == b"HEP3" and int.from_bytes(datagram[4:6], "big") == len(datagram), datagram[:20]
        chunks, at = {}, 6
        while at < len(datagram):
            length = int.from_bytes(datagram[at + 4:at + 6], "big")
            assert length >= 6, datagram
            chunks[int.from_bytes(datagram[at + 2:at + 4], "big")] = datagram[at + 6:at + length]
            at += length
        return chunks


@needs("switch", "sipp")
def test_homer_gets_both_legs_with_one_correlation_id(rig):
    port = rig.port()
    homer = HepReceiver(port)
    switch, cdr, customer, vendor = one_call(rig, parameters={"BF_HEP_ADDRESS": f"{HOST}:{port}", "BF_HEP_AGENT": 7})
    sip = [item for item in switch.api.get("/api/v1/trace", call=cdr["id"])["items"] if item["kind"] == "sip"]
    got = [homer.take() for _ in sip]
    assert {chunks[17].decode() for chunks in got} == {cdr["id"]}, got
    assert [chunks[15].decode() for chunks in got] == [item["text"] for item in sip]
    ways = {(chunks[3], int.from_bytes(chunks[7], "big"), int.from_bytes(chunks[8], "big")) for chunks in got}
    loopback = socket.inet_aton(HOST)
    assert ways == {(loopback, a, b) for peer in (customer, vendor) for a, b in ((peer, switch.port), (switch.port, peer))}
    assert {(chunks[1][0], chunks[2][0], chunks[11][0], chunks[12]) for chunks in got} == {(2, 17, 1, (7).to_bytes(4, "big"))}
    metrics = switch.api.ask("GET", "/metrics").text
    assert f"\nbelfry_hep_sent_total {len(sip)}\n" in metrics and "\nbelfry_hep_dropped_total 0\n" in metrics, metrics
    assert switch.api.get("/api/v1/status")["hep"] == {"sent": len(sip), "dropped": 0}
    seconds = [int.from_bytes(chunks[9], "big") * 1000000 + int.from_bytes(chunks[10], "big") for chunks in got]
    assert seconds == [item["at_us"] for item in sip]


@needs("switch", "sipp")
def test_homer_may_come_and_go_while_the_switch_runs(rig):
    switch, *_ = one_call(rig)
    port = rig.port()
    assert switch.api.ask("PUT", "/api/v1/parameters/BF_HEP_ADDRESS", {"value": "homer.example.org"}).status == 400
    switch.api.put("/api/v1/parameters/BF_HEP_ADDRESS", {"value": f"{HOST}:{port}"})
    rig.sipp("gateway_is_refused", to=switch, caller="111", number="222", status=403).done()
    homer = HepReceiver(port)
    rig.sipp("gateway_is_refused", to=switch, caller="333", number="444", status=403).done()
    while b"444" not in homer.take()[15]:
        pass


@needs("switch", "sipp", "sngrep")
def test_sngrep_takes_what_is_sent_to_homer(rig):
    port, seen = rig.port(), rig.directory / "seen.pcap"
    listener = rig.process("sngrep", ["sngrep", "-N", "-q", "-L", f"udp:{HOST}:{port}", "-O", seen])
    switch, cdr, *_ = one_call(rig, parameters={"BF_HEP_ADDRESS": f"{HOST}:{port}"})
    wait_until(lambda: seen.exists() and seen.read_bytes().count(cdr["caller_call_id"].encode()) >= 4
               and cdr["callee_call_id"].encode() in seen.read_bytes(), "sngrep has both legs", 10)
    listener.stop()


# --- the doctor -------------------------------------------------------------------------------------------------------

@needs("switch", "sipp")
def test_the_doctor_claims_nothing_in_healthy_traffic(rig):
    switch, cdr, *_ = one_call(rig, phones=[phone("1001")])
    rig.phone(switch, "1001")
    opinion = switch.api.get("/api/v1/doctor")
    assert opinion["items"] == [] and opinion["looked_at"]["calls"] == 1 and opinion["looked_at"]["messages"] > 10, opinion
    said = switch.command_line("doctor", "since=1h")
    assert said.returncode == 0 and said.stdout.startswith("Nothing is wrong"), said
    assert switch.command_line("doctor", "colour=red").returncode == 2


@needs("switch")
@time_limit(120)
def test_the_doctor_claims_nothing_in_a_thousand_healthy_calls(rig):
    """Four lengths, the longest refreshed on both legs, beside a phone that renews its registration."""
    gun = ROOT / "build" / "tools" / "callgun" / "callgun"
    vendor, customers = rig.port(), [rig.port() for _ in range(4)]
    switch = rig.switch(clock_rate=10, parameters={"SS_SIP_SESSION_TTL": 120}, phones=[phone("1001")],
                        mapping_gateways=[mapping_gateway(f"customer-{port}", port) for port in customers],
                        routing_gateways=[routing_gateway("vendor-a", vendor)])
    rig.process("vendor", [gun, "answer", "--answer", f"{HOST}:{vendor}", "--session-expires", "120"])
    guns = [rig.process(f"customer-{port}", [gun, "calls", "--target", f"{HOST}:{switch.port}", "--local", f"{HOST}:{port}",
                                             "--rate", "40", "--count", "250", "--window", "250", "--talk-ms", talk_ms,
                                             "--session-expires", "120", "--number", "4420"])
            for port, talk_ms in zip(customers, (700, 2500, 5000, 7100))]
    for one in guns:
        assert one.wait(60) == 0, one.tail()
    wait_until(lambda: switch.api.get("/api/v1/status")["records"]["written"] == 1000, "there are 1,000 records", 20)
    opinion = switch.api.get("/api/v1/doctor")
    assert opinion["items"] == [] and opinion["looked_at"]["calls"] == 1000, opinion
    refreshes = re.findall(r'^belfry_session_refreshes_total\{.*result="accepted".*\} (\d+)$',
                           Api(HOST, switch.admin_port).ask("GET", "/metrics").text, re.MULTILINE)
    assert sum(map(int, refreshes)) >= 250, refreshes


@needs("switch", "sipp")
def test_the_doctors_latest_opinion_is_given_at_once_and_made_anew_when_it_is_asked_for(rig):
    switch, *_ = one_call(rig)

    def latest(**query):
        return switch.api.get("/api/v1/doctor", latest=1, **query)
    first = latest()
    assert (first["items"], first["looked_at"], first["is_looking"]) == ([], None, True), first
    done = wait_until(lambda: not (now := latest())["is_looking"] and now, "the doctor has looked", 10)
    assert done["looked_at"]["calls"] == 1 and latest() == done, done
    rig.sipp("gateway_is_refused", to=switch, caller="111", number="222", status=403).done()
    switch.cdrs(2)
    assert latest() == done, "an opinion of the last half minute is made anew unasked"
    assert latest(again=1)["looked_at"] == done["looked_at"], "who asks waits for a look"
    wait_until(lambda: latest()["looked_at"]["calls"] == 2, "the doctor has looked again", 10)


@needs("switch", "sipp")
def test_a_call_is_explained_with_the_messages_that_decided(rig):
    switch, cdr, customer, _ = one_call(rig)
    explanation = switch.api.get(f"/api/v1/cdrs/{cdr['id']}/explanation")
    decided = [(message["direction"], message["summary"]) for message in explanation["messages"]]
    assert ("in", "BYE") in decided and ("inside", "call ended by the caller: normal") in decided, decided
    assert explanation["findings"] == [] and explanation["end_reason"] == "normal"
    said = switch.command_line("explain", cdr["id"])
    assert said.returncode == 0 and "BYE" in said.stdout and f"{HOST}:{customer}" in said.stdout, said
    assert switch.command_line("explain", "nothing").returncode == 1


@needs("switch")
def test_a_missing_ack_is_named_by_the_doctor_with_its_remedy(rig):
    """The caller takes our 200 and never acknowledges it."""
    customer, vendor = rig.port(), rig.port()
    switch = rig.switch(clock_rate=10, mapping_gateways=[mapping_gateway("customer-a", customer)],
                        routing_gateways=[routing_gateway("vendor-a", vendor)])
    deaf, callee = Peer(customer), Peer(vendor)
    deaf.send(switch.port, deaf.invite(switch.port, "4420200"))
    asked = callee.wait_for("INVITE")
    callee.send(switch.port, callee.answer(asked, 200))
    deaf.wait_for("200")
    cdr = switch.cdrs(1, deadline_s=20)[0]
    assert (cdr["end_reason"], cdr["end_cause"]) == ("session_timeout", "no_ack"), cdr
    [finding] = switch.api.get("/api/v1/doctor")["items"]
    assert finding["diagnosis"] == "missing_ack" and finding["subject"] == "customer-a", finding
    assert finding["calls"] == [cdr["id"]] and "--sip udp:" in finding["remedy"] and finding["confidence_percent"] >= 90
    explanation = switch.api.get(f"/api/v1/cdrs/{cdr['id']}/explanation")
    repeated = [message for message in explanation["messages"] if message["summary"].startswith("200 OK") and message["repeats"] >= 5]
    assert repeated and repeated[0]["remote"] == f"{HOST}:{customer}", explanation["messages"]
    assert [f["diagnosis"] for f in explanation["findings"]] == ["missing_ack"]
    said = switch.command_line("doctor").stdout
    assert "customer-a" in said and "remedy:" in said, said


@needs("switch")
def test_a_router_that_rewrites_sip_is_named_by_the_doctor(rig):
    """Its Via names the address outside, its Contact the one inside."""
    customer = rig.port()
    switch = rig.switch(mapping_gateways=[mapping_gateway("customer-a", customer)])
    device = Peer(customer)
    invite = device.invite(switch.port, "4420200").replace(f"<sip:{CUSTOMER}@{HOST}:{customer}>", f"<sip:{CUSTOMER}@192.168.1.5:5060>")
    device.send(switch.port, invite)
    device.wait_for("404")
    switch.cdr()
    [finding] = switch.api.get("/api/v1/doctor")["items"]
    assert finding["diagnosis"] == "sip_alg" and finding["subject"] == "customer-a", finding


@needs("switch")
def test_keep_alives_that_cannot_be_kept_are_named_by_the_doctor(rig):
    ports = [rig.port() for _ in range(3)]
    switch = rig.switch(
        parameters={"SS_SIP_NAT_KEEP_ALIVE_PERIOD": 10, "SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL": 10000,
                    "SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME": 1},
        routing_gateways=[routing_gateway(f"vendor-{port}", port, keep_alive="message") for port in ports])
    found = wait_until(lambda: switch.api.get("/api/v1/doctor")["items"], "the doctor finds something", 10)
    assert [finding["diagnosis"] for finding in found] == ["keep_alive_round"], found
    assert "SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME" in found[0]["remedy"] and found[0]["detail"], found
