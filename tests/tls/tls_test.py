"""Calls over TLS: real phones, and peers with certificates of their own, each test with an authority made for it."""

import signal
import socket
import ssl
import time

from rig.cdr import absent, expect_cdr, present
from rig.certificates import Authority
from rig.claims import needs
from rig.name_server import a, srv
from rig.ports import HOST
from rig.switch import password_of, phone, routing_gateway
from rig.tls_peer import TlsPhone, TlsVendor, client_context, server_context
from rig.two_phones import check_calls_both_ways, two_phones
from rig.waiting import wait_until

OURS = f"IP:{HOST}, DNS:switch.example"


@needs("switch", "openssl", "linphonec", "baresip")
def test_the_phones_call_each_other_over_tls(rig):
    authority = Authority(rig.directory)
    switch, linphone, baresip = two_phones(rig, "tls", authority=authority, tls=authority.sign("switch", OURS))
    assert all("transport=tls" in r["contact"].lower() for r in switch.registrations()), switch.registrations()
    check_calls_both_ways(switch, linphone, baresip)


def registered(switch, number, context):
    client = TlsPhone(switch.tls_port, number, context)
    assert client.register(password_of(number)).status == 200
    return client


@needs("switch", "openssl")
def test_phones_over_tls_call_each_other_and_phones_over_udp(rig):
    authority = Authority(rig.directory)
    switch = rig.switch(tls=authority.sign("switch", OURS), phones=[phone("1001"), phone("1002")])
    alice, bob = (registered(switch, number, client_context(authority)) for number in ("1001", "1002"))
    assert alice.call("1002", password_of("1001")).status == 200
    invite = bob.wait_for_request("INVITE")
    assert invite["via"].startswith("SIP/2.0/TLS ") and "transport=tls" in invite["contact"].lower(), invite
    alice.hang_up()
    bob.wait_for_request("BYE")
    assert bob.call("1001", password_of("1002")).status == 200
    bob.hang_up()
    for cdr in switch.cdrs(2):
        expect_cdr(cdr, answered_at=present, end_direction="caller", end_reason="normal")


def tls_vendor(port, **settings):
    return routing_gateway("vendor", port, **{"transport": "tls", **settings})


@needs("switch", "openssl")
def test_a_vendor_over_tls_is_called_when_its_certificate_names_it(rig):
    authority = Authority(rig.directory)
    vendor = TlsVendor(server_context(authority.sign("vendor", "URI:sip:vendor.example")))
    names = rig.name_server({"_sips._tcp.vendor.example": [srv(10, 0, vendor.port, "node-7.vendor.example")],
                             "node-7.vendor.example": [a()]})
    switch = rig.switch(
        tls=authority.sign("switch", OURS), phones=[phone("1001")],
        arguments=["--tls-authorities", authority.certificate, "--name-servers", names.address],
        routing_gateways=[tls_vendor(0, address="vendor.example")])
    wait_until(lambda: switch.api.get("/api/v1/routing-gateways")["items"][0].get("resolved"), "the name is looked up")
    caller = registered(switch, "1001", client_context(authority))
    assert caller.call("4420200", password_of("1001")).status == 200
    assert vendor.wait_for_request("INVITE")["via"].startswith("SIP/2.0/TLS ")
    caller.hang_up()
    vendor.wait_for_request("BYE")
    assert len(vendor.lines) == 1, "one connection carries the whole call"
    expect_cdr(switch.cdr(), callee_device="vendor", end_reason="normal")


@needs("switch", "openssl")
def test_a_vendor_whose_certificate_names_another_is_left_for_the_next(rig):
    authority = Authority(rig.directory)
    false, right = (TlsVendor(server_context(authority.sign(name, f"IP:{address}")))
                    for name, address in (("false", "192.0.2.1"), ("right", HOST)))
    switch = rig.switch(
        tls=authority.sign("switch", OURS), phones=[phone("1001")],
        arguments=["--tls-authorities", authority.certificate],
        routing_gateways=[{**tls_vendor(false.port), "name": "false"},
                          {**tls_vendor(right.port, priority=2), "name": "right"}])
    caller = registered(switch, "1001", client_context(authority))
    assert caller.call("4420200", password_of("1001")).status == 200
    assert not any(line.messages for line in false.lines), "nothing is said to who is not whom we meant"
    switch.wait_for_log(
        rf"TLS to routing gateway false, {HOST}:{false.port}\S* .*came to nothing: its certificate does not name it")
    caller.hang_up()
    expect_cdr(switch.cdr(), callee_device="right", end_reason="normal")


@needs("switch", "openssl")
def test_a_vendor_of_another_authority_is_refused_and_the_record_says_that_nothing_came_back(rig):
    authority, other = Authority(rig.directory), Authority(rig.directory, "other")
    vendor = TlsVendor(server_context(other.sign("vendor", f"IP:{HOST}")))
    switch = rig.switch(tls=authority.sign("switch", OURS), phones=[phone("1001")],
                        arguments=["--tls-authorities", authority.certificate], routing_gateways=[tls_vendor(vendor.port)])
    caller = registered(switch, "1001", client_context(authority))
    final = caller.call("4420200", password_of("1001"))
    assert final.status >= 500, final
    switch.wait_for_log(r"TLS to routing gateway vendor, .* came to nothing: unable to get local issuer certificate")
    wait_until(lambda: vendor.refusals, "the vendor hears of it")
    expect_cdr(switch.cdr(), end_reason="gateway_timeout", answered_at=absent, sip_status=final.status)


@needs("switch", "openssl")
def test_a_call_goes_on_while_certificates_are_read_anew(rig):
    authority = Authority(rig.directory)
    old = authority.sign("switch", OURS)
    switch = rig.switch(tls=old, phones=[phone("1001"), phone("1002")])
    alice, bob = (registered(switch, number, client_context(authority)) for number in ("1001", "1002"))
    before = alice.connection.getpeercert()["serialNumber"]
    assert alice.call("1002", password_of("1001")).status == 200

    authority.sign("switch", OURS)
    switch.process.signal(signal.SIGHUP)
    switch.wait_for_log(r"SIGHUP: .*applied again")
    latecomer = wait_until(lambda: serial_seen(switch, authority) != before, "new connections see the new certificate")
    assert latecomer
    assert len(switch.calls()) == 1, "the call goes on"
    alice.hang_up()
    bob.wait_for_request("BYE")
    expect_cdr(switch.cdr(), end_direction="caller", end_reason="normal")

    renewed = serial_seen(switch, authority)
    old.certificate.write_text("no certificate any more\n")
    switch.process.signal(signal.SIGHUP)
    switch.wait_for_log(rf"SIGHUP: the certificates in use stay: {old.certificate}: ")
    assert serial_seen(switch, authority) == renewed
    assert bob.call("1001", password_of("1002")).status == 200
    bob.hang_up()


def serial_seen(switch, authority):
    with socket.create_connection((HOST, switch.tls_port), timeout=10) as raw:
        with client_context(authority).wrap_socket(raw, server_hostname=HOST) as connection:
            return connection.getpeercert()["serialNumber"]


@needs("switch", "openssl")
def test_who_connects_without_a_certificate_where_one_is_wanted_is_refused(rig):
    authority, other = Authority(rig.directory), Authority(rig.directory, "other")
    switch = rig.switch(tls=authority.sign("switch", OURS), phones=[phone("1001")],
                        arguments=["--tls-clients", authority.certificate])
    for identity, why in ((None, "peer did not return a certificate"),
                          (other.sign("stranger", "DNS:stranger.example"), "unable to get local issuer certificate")):
        time.sleep(1)  # one line a second is all that is told
        try:
            stranger = TlsPhone(switch.tls_port, "1001", client_context(authority, identity))
            stranger.request("OPTIONS", f"sip:{HOST}", f"<sip:{HOST}>")
            stranger.wait_until_over()
            assert not stranger.messages, stranger.messages
        except (ssl.SSLError, OSError):
            pass
        switch.wait_for_log(rf"TLS from {HOST}:\d+ came to nothing: {why}")
    registered(switch, "1001", client_context(authority, authority.sign("phone", "DNS:phone.example")))


@needs("switch", "openssl")
def test_we_show_our_certificate_to_a_vendor_that_asks_for_it(rig):
    authority, other = Authority(rig.directory), Authority(rig.directory, "other")
    vendor = TlsVendor(server_context(authority.sign("vendor", f"IP:{HOST}"), clients=authority))
    strict = TlsVendor(server_context(authority.sign("strict", f"IP:{HOST}"), clients=other))
    switch = rig.switch(tls=authority.sign("switch", OURS), phones=[phone("1001")],
                        arguments=["--tls-authorities", authority.certificate],
                        routing_gateways=[{**tls_vendor(strict.port), "name": "strict"}, tls_vendor(vendor.port, priority=2)])
    caller = registered(switch, "1001", client_context(authority))
    assert caller.call("4420200", password_of("1001")).status == 200
    vendor.wait_for_request("INVITE")
    switch.wait_for_log(r"TLS to routing gateway strict, .* came to nothing: .*alert")
    caller.hang_up()
    expect_cdr(switch.cdr(), callee_device="vendor", end_reason="normal")
