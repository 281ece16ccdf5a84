"""Vendors that are named by host."""

from rig.cdr import expect_cdr
from rig.claims import needs
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
