"""Phones register, or do not."""

import re

from rig.cdr import between
from rig.claims import needs
from rig.switch import password_of, phone
from rig.waiting import wait_until


def register(rig, switch, number, scenario="phone_registers", password=None, **options):
    """Registers a phone, played by SIPp, with its right password unless told otherwise; returns the SIPp."""
    return rig.sipp(scenario, to=switch, number=number, user=number, password=password or password_of(number),
                    **options).done()


@needs("switch", "sipp")
def test_a_phone_with_the_right_password_is_registered(rig):
    switch = rig.switch(phones=[phone("1001")])
    client = register(rig, switch, "1001")
    registration = switch.wait_for_registration("1001")
    assert registration["source"].endswith(f"127.0.0.1:{client.port}"), registration
    assert f"1001@127.0.0.1:{client.port}" in registration["contact"], registration
    assert registration["user_agent"] == "rig-phone", registration
    assert registration["expires_in_s"] == between(3500, 3600), registration
    answer = client.received(200)[0]
    assert answer.has("contact") and re.search(r"expires=(\d+)", answer["contact"]), f"the 200 says no expiry:\n{answer}"


@needs("switch", "sipp")
def test_a_phone_registers_over_tcp(rig):
    switch = rig.switch(phones=[phone("1001")])
    client = register(rig, switch, "1001", transport="tcp")
    assert client.received(401) and client.received(200)


@needs("switch", "sipp")
def test_a_wrong_password_does_not_register(rig):
    switch = rig.switch(phones=[phone("1001")])
    register(rig, switch, "1001", "phone_fails_to_register", password="a guess", status=401)
    assert switch.registrations() == []


@needs("switch", "sipp")
def test_an_unknown_number_is_challenged_like_a_known_one(rig):
    switch = rig.switch(phones=[phone("1001")])
    known = register(rig, switch, "1001", "phone_fails_to_register", password="a guess", status=401)
    unknown = register(rig, switch, "6666", "phone_fails_to_register", password="a guess", status=401)

    def shape(client):
        """What a guesser could tell one number from the other by: header names, and the challenge but for its nonce."""
        answers = client.received(401)
        return [([name for name, _ in a.headers], [re.sub(r'(nonce|opaque)="[^"]*"', r"\1", c) for c in a.all("www-authenticate")])
                for a in answers]
    assert shape(known) == shape(unknown)
    assert switch.registrations() == []


@needs("switch", "sipp")
def test_a_phone_that_unregisters_is_gone(rig):
    switch = rig.switch(phones=[phone("1001")])
    client = register(rig, switch, "1001")
    switch.wait_for_registration("1001")
    register(rig, switch, "1001", port=client.port, expires_s=0)
    wait_until(lambda: switch.registrations() == [], "nobody is registered")


@needs("switch", "sipp")
def test_a_star_unregisters_every_contact(rig):
    switch = rig.switch(phones=[phone("1001")])
    register(rig, switch, "1001")
    switch.wait_for_registration("1001")
    register(rig, switch, "1001", contact="*", expires_s=0)
    wait_until(lambda: switch.registrations() == [], "nobody is registered")


@needs("switch", "sipp")
def test_a_new_contact_replaces_the_old_one(rig):
    switch = rig.switch(phones=[phone("1001")])
    register(rig, switch, "1001")
    newer = register(rig, switch, "1001")
    wait_until(lambda: [r["contact"] for r in switch.registrations() if f":{newer.port}" in r["contact"]], "the newer is there")
    assert len(switch.registrations()) == 1, switch.registrations()


@needs("switch", "sipp")
def test_an_operator_removes_a_registration(rig):
    switch = rig.switch(phones=[phone("1001")])
    register(rig, switch, "1001")
    switch.api.delete(f"/api/v1/registrations/{switch.wait_for_registration('1001')['id']}")
    wait_until(lambda: switch.registrations() == [], "nobody is registered")
