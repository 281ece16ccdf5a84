"""Real phones behind real NAT: nft masquerade with short-lived bindings, and the switch outside.

Time: in the short form the switch's clock runs faster than the world's, so that a keep-alive period of 10 s takes 2 s, and
the boxes forget after 4 s. `make nat` is the long form, without tricks: 30 s, and five minutes of idling."""

import os
import time
from dataclasses import dataclass

from nat.network import SIP_PORT, SWITCH, NatBox, enter_private_network
from rig.cdr import expect_cdr
from rig.claims import needs, time_limit
from rig.switch import mapping_gateway, password_of, phone
from rig.waiting import wait_until

LINPHONE, BARESIP = "1001", "1002"


@dataclass(frozen=True)
class Times:
    clock_rate: float  # of the switch
    binding_s: int  # how long the boxes remember
    period_s: int  # between two keep-alives, by the switch's clock
    idle_s: float
    limit_s: int  # of one test


SHORT = Times(clock_rate=5, binding_s=4, period_s=10, idle_s=7, limit_s=60)
LONG = Times(clock_rate=1, binding_s=30, period_s=20, idle_s=300, limit_s=420)
TIMES = LONG if os.environ.get("BELFRY_NAT") == "long" else SHORT

# A call's first answer may take as long as in the world at large, whatever the switch's clock says.
PATIENT = {f"SS_SIP_TIMEOUT_{stage}": 120 for stage in ("INVITE", "TRYING", "RINGING")}


@dataclass
class Scene:
    switch: object
    customer: int  # the port of the customer's gateway, on the switch's side
    linphone: object
    baresip: object
    boxes: list

    def phones(self):
        return [(LINPHONE, self.linphone), (BARESIP, self.baresip)]


def set_up(rig, method, is_symmetric=False, has_alg=False, **parameters):
    """linphonec and baresip behind a box each, registered at the switch; a customer who can call them."""
    enter_private_network()
    boxes = [NatBox(rig, number, TIMES.binding_s, is_symmetric, has_alg) for number in (1, 2)]
    customer = rig.port()
    switch = rig.switch(
        arguments=["--sip", f"udp:{SWITCH}:{SIP_PORT}"], clock_rate=TIMES.clock_rate if TIMES.clock_rate != 1 else None,
        parameters={"BF_NAT_KEEP_ALIVE_METHOD": method, "SS_SIP_NAT_KEEP_ALIVE_PERIOD": TIMES.period_s,
                    "SS_ENDPOINT_EXPIRE": 86400, **PATIENT, **parameters},
        phones=[phone(LINPHONE), phone(BARESIP)], mapping_gateways=[mapping_gateway("customer", customer)])
    linphone = rig.linphone(LINPHONE, server=SIP_PORT, password=password_of(LINPHONE), place=boxes[0].phone)
    baresip = rig.baresip(BARESIP, server=SIP_PORT, password=password_of(BARESIP), place=boxes[1].phone)
    linphone.wait_until_registered()
    baresip.wait_until_registered()
    return Scene(switch, customer, linphone, baresip, boxes)


def registration(scene, number):
    return scene.switch.wait_for_registration(number)


def expect_reachable_by_call(rig, scene, number, client):
    call = rig.sipp("gateway_calls", to=scene.switch, port=scene.customer, number=number)
    client.wait_for_incoming()
    client.answer()
    call.done()
    client.wait_until_ended()


def expect_lost(rig, scene, number):
    """A call to the phone gets nothing back from there."""
    rig.sipp("gateway_is_refused", to=scene.switch, port=scene.customer, number=number, status=504).done()


def check_callable_after_idling(rig, **box):
    scene = set_up(rig, "message", **box)
    for number, _ in scene.phones():
        assert registration(scene, number)["source"].startswith("203.0.113."), registration(scene, number)
    time.sleep(TIMES.idle_s)
    for number, client in scene.phones():
        expect_reachable_by_call(rig, scene, number, client)
    for cdr in scene.switch.cdrs(2):
        expect_cdr(cdr, end_reason="normal")
    return scene


@needs("switch", "linphonec", "baresip", "sipp")
@time_limit(TIMES.limit_s)
def test_phones_behind_nat_are_callable_after_idling(rig):
    check_callable_after_idling(rig)


@needs("switch", "linphonec", "baresip", "sipp")
@time_limit(TIMES.limit_s)
def test_without_keep_alive_they_are_not(rig):
    scene = set_up(rig, "off", SS_SIP_TIMEOUT_INVITE=10)
    for number, client in scene.phones():  # nothing else is wrong with them
        expect_reachable_by_call(rig, scene, number, client)
    time.sleep(TIMES.idle_s)
    for number, _ in scene.phones():
        expect_lost(rig, scene, number)
    for cdr in scene.switch.cdrs(4)[2:]:
        expect_cdr(cdr, end_reason="gateway_timeout")


@needs("switch", "linphonec", "baresip", "sipp")
@time_limit(TIMES.limit_s)
def test_phones_behind_symmetric_nat_are_callable_after_idling(rig):
    scene = check_callable_after_idling(rig, is_symmetric=True)
    for number, client in scene.phones():
        source = registration(scene, number)["source"]
        assert not source.endswith(f":{client.port}"), f"the box left the port alone: {source}"


@needs("switch", "linphonec", "baresip", "sipp")
@time_limit(TIMES.limit_s)
def test_a_box_that_forgets_in_mid_registration_is_noticed(rig):
    """conntrack -F: the switch finds out by unanswered OPTIONS, says so to who calls, and follows the phone to its new port
    when it calls."""
    scene = set_up(rig, "options", is_symmetric=True)
    before = registration(scene, BARESIP)["source"]
    wait_until(lambda: registration(scene, BARESIP)["keep_alive"]["answered"] > 0, "an OPTIONS is answered", 30)
    scene.boxes[1].forget()
    wait_until(lambda: not registration(scene, BARESIP)["keep_alive"]["reachable"], "it is found gone", 120)
    began = time.monotonic()
    rig.sipp("gateway_is_refused", to=scene.switch, port=scene.customer, number=BARESIP, status=480).done()
    took_s = time.monotonic() - began
    assert took_s < 2, f"the refusal took {took_s:.1f} s"
    expect_cdr(scene.switch.cdr(), end_reason="not_registered", end_cause="unreachable")
    assert registration(scene, LINPHONE)["keep_alive"]["reachable"]

    scene.baresip.call(LINPHONE)
    scene.linphone.wait_for_incoming()
    scene.linphone.answer()
    scene.baresip.wait_until_connected()
    scene.baresip.hang_up()
    after = registration(scene, BARESIP)
    assert after["source"] != before and after["keep_alive"]["reachable"], f"{before} before, then {after}"
    expect_reachable_by_call(rig, scene, BARESIP, scene.baresip)
    assert f"has called from {after['source']}" in scene.switch.process.errors


@needs("switch", "linphonec", "baresip", "sipp")
@time_limit(TIMES.limit_s)
def test_behind_the_kernels_sip_alg_phones_are_callable_after_idling(rig):
    """It writes its own address into Via and Contact, so that nothing shows the NAT: they get keep-alives all the same.
    linphonec does that by itself, from the `received` of its Via; baresip's Contact shows whether somebody has meddled."""
    scene = check_callable_after_idling(rig, has_alg=True)
    contact = registration(scene, BARESIP)["contact"]
    assert scene.boxes[1].outside in contact and "192.168." not in contact, f"no gateway has meddled: {contact}"


@needs("switch", "linphonec", "baresip", "sipp")
@time_limit(TIMES.limit_s)
def test_without_an_alg_the_contact_is_the_phones_own(rig):
    scene = set_up(rig, "message")
    listed = registration(scene, BARESIP)
    assert f"{scene.baresip.place.host}:{scene.baresip.port}" in listed["contact"] and listed["behind_nat"], listed
