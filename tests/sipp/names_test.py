"""Host names: of vendors, and in the Contact of those who talk (RFC 3263)."""

from rig.cdr import expect_cdr
from rig.claims import needs
from rig.name_server import a, naptr, srv
from rig.switch import mapping_gateway, routing_gateway
from rig.waiting import wait_until


@needs("switch", "sipp")
def test_a_vendor_named_by_host_is_looked_up_and_called(rig):
    customer, vendor = rig.port(), rig.port()
    named = routing_gateway("vendor-by-name", vendor)
    named["address"] = f"localhost:{vendor}"
    switch = rig.switch(mapping_gateways=[mapping_gateway("customer-b", customer)], routing_gateways=[named])
    wait_until(lambda: switch.api.get("/api/v1/routing-gateways")["items"][0].get("resolved"), "the name is looked up")
    callee = rig.sipp("callee_answers", port=vendor)
    rig.sipp("gateway_calls", port=customer, to=switch).done()
    callee.done()
    expect_cdr(switch.cdr(), callee_device="vendor-by-name", end_reason="normal")


def switch_with_names(rig, records, customer, **vendor):
    """A switch that asks a name server of its own, with one vendor, vendor.example, whose addresses it has found."""
    names = rig.name_server(records)
    gateway = {**routing_gateway("vendor", 5060), "address": "vendor.example", **vendor}
    switch = rig.switch(mapping_gateways=[mapping_gateway("customer-b", customer)], routing_gateways=[gateway],
                        arguments=["--name-servers", names.address])
    wait_until(lambda: switch.api.get("/api/v1/routing-gateways")["items"][0].get("resolved"), "the name is looked up")
    return switch


@needs("switch", "sipp")
def test_a_vendors_servers_are_tried_in_the_order_of_their_srv_records(rig):
    customer, first, second, third = rig.port(), rig.port(), rig.port(), rig.port()
    switch = switch_with_names(rig, {
        "_sip._udp.vendor.example": [srv(20, 0, second, "b.vendor.example"), srv(10, 0, first, "a.vendor.example"),
                                     srv(30, 0, third, "b.vendor.example")],
        "a.vendor.example": [a()], "b.vendor.example": [a()]}, customer)
    busy = rig.sipp("callee_refuses", port=second, status=503, reason="Service Unavailable")
    callee = rig.sipp("callee_answers", port=third)  # nobody listens at the first one
    rig.sipp("gateway_calls", port=customer, to=switch).done()
    busy.done()
    callee.done()
    expect_cdr(switch.cdr(), callee_device="vendor", callee_address=f"127.0.0.1:{third}", end_reason="normal")


@needs("switch", "sipp")
def test_a_vendors_servers_share_the_calls_by_the_weights_of_their_srv_records(rig):
    customer, first, second = rig.port(), rig.port(), rig.port()
    switch = switch_with_names(rig, {
        "_sip._udp.vendor.example": [srv(10, 50, first, "a.vendor.example"), srv(10, 50, second, "a.vendor.example")],
        "a.vendor.example": [a()]}, customer)
    for port in (first, second):
        rig.sipp("callee_answers", port=port, calls=20)
    rig.sipp("gateway_calls", port=customer, to=switch, calls=20, rate=50).done()
    called = {cdr["callee_address"] for cdr in switch.cdrs(20)}
    assert called == {f"127.0.0.1:{port}" for port in (first, second)}, called


@needs("switch", "sipp")
def test_a_vendors_naptr_records_choose_the_transport(rig):
    customer, vendor = rig.port(), rig.port()
    switch = switch_with_names(rig, {
        "vendor.example": [naptr(20, 10, "SIP+D2U", "udp.vendor.example"), naptr(10, 10, "SIP+D2T", "tcp.vendor.example")],
        "tcp.vendor.example": [srv(10, 0, vendor, "a.vendor.example")],
        "a.vendor.example": [a()]}, customer, transport="auto")
    callee = rig.sipp("callee_answers", port=vendor, transport="tcp")
    rig.sipp("gateway_calls", port=customer, to=switch).done()
    callee.done()
    expect_cdr(switch.cdr(), callee_device="vendor", end_reason="normal")


@needs("switch", "sipp")
def test_a_host_name_in_a_contact_is_where_later_requests_go(rig):
    customer, vendor, elsewhere = rig.port(), rig.port(), rig.silent_peer()
    names = rig.name_server({"phone.vendor.example": [a()]})
    switch = rig.switch(mapping_gateways=[mapping_gateway("customer-b", customer)],
                        routing_gateways=[routing_gateway("vendor", vendor)], arguments=["--name-servers", names.address])
    rig.sipp("callee_answers", port=vendor, callee_host=f"phone.vendor.example:{elsewhere.port}")
    rig.sipp("gateway_calls", port=customer, to=switch).done()
    wait_until(lambda: [m for m in elsewhere.received() if m.method == "BYE"], "the BYE comes to where the Contact says")
