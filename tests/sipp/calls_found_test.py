"""Looking for live calls: the switch filters and sorts, and gives a page at a time."""

from rig.claims import needs
from rig.ports import HOST
from rig.rig import ROOT
from rig.switch import mapping_gateway, routing_gateway
from rig.waiting import wait_until

GUN = ROOT / "build" / "tools" / "callgun" / "callgun"


def held(rig, count, **configuration):
    """A switch with so many calls that talk on."""
    customer, vendor = rig.port(), rig.port()
    switch = rig.switch(mapping_gateways=[mapping_gateway("customer-a", customer, capacity=100000)],
                        routing_gateways=[routing_gateway("vendor-a", vendor, capacity=100000)], **configuration)
    rig.process("callgun", [GUN, "calls", "--target", f"{HOST}:{switch.port}", "--local", f"{HOST}:{customer}", "--answer",
                            f"{HOST}:{vendor}", "--rate", 400, "--count", count, "--talk-ms", 600000, "--ring-ms", 10,
                            "--session-expires", 600])
    wait_until(lambda: switch.api.get("/api/v1/calls", state="up", limit=1)["total"] == count, f"{count} calls are held", 60)
    return switch


@needs("switch")
def test_pages_of_many_calls_hold_each_once_in_order_on_several_workers(rig):
    count = 500
    switch = held(rig, count, arguments=("--workers", "2"))
    seen, cursor = [], None
    while True:
        page = switch.api.get("/api/v1/calls", sort="started", limit=77, **({"cursor": cursor} if cursor else {}))
        assert page["total"] == count and page["offset"] == len(seen), (page["total"], page["offset"], len(seen))
        seen += page["items"]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert len({call["id"] for call in seen}) == len(seen) == count
    assert [call["started_at"] for call in seen] == sorted(call["started_at"] for call in seen)
    assert {call["worker"] for call in seen} == {0, 1}
    turned = switch.api.get("/api/v1/calls", sort="-started", limit=200, offset=300)["items"]
    assert [call["id"] for call in turned] == [call["id"] for call in reversed(seen)][300:], "downwards is the same turned round"


@needs("switch")
def test_the_switch_looks_by_number_device_state_and_timer(rig):
    switch = held(rig, 40)
    def ask(**query):
        return switch.api.get("/api/v1/calls", **query)
    all_of = ask(limit=200)
    one = all_of["items"][7]
    assert all_of["total"] == 40 and ask(number=one["callee"])["total"] >= 1
    assert one["id"] in [call["id"] for call in ask(q=one["callee"][2:], limit=200)["items"]]
    assert ask(device="customer-a")["total"] == ask(q="VENDOR-")["total"] == ask(state="up")["total"] == 40
    assert ask(device="customer")["total"] == ask(state="ringing")["total"] == ask(q="nobody")["total"] == 0
    assert ask(refresher="us")["total"] + ask(refresher="them")["total"] >= 40
    assert ask(expires_within_s=86400)["total"] == 40 and ask(expires_within_s=1)["total"] == 0
    numbers = [call["callee"] for call in ask(sort="-callee", limit=200)["items"]]
    assert numbers == sorted(numbers, reverse=True), numbers
    table = switch.command_line("calls", f"number={one['callee']}", "sort=-talk", "limit=1")
    assert table.returncode == 0 and one["callee"] in table.stdout, (table.stdout, table.stderr)


@needs("switch")
def test_a_question_that_cannot_be_asked_is_refused(rig):
    switch = rig.switch()
    for query in ({"sort": "colour"}, {"limit": 0}, {"limit": 201}, {"limit": "x"}, {"offset": -1}, {"q": "x" * 129}, {"q": "a\nb"},
                  {"expires_within_s": "soon"}):
        answer = switch.api.ask("GET", "/api/v1/calls", **query)
        assert answer.status == 400 and answer.json["detail"], (query, answer.text)
    assert switch.api.get("/api/v1/calls", q="x") == {"items": [], "next_cursor": None, "total": 0, "offset": 0}


@needs("switch")
def test_the_doctor_finds_nothing_wrong_with_a_thousand_live_calls_that_are_well(rig):
    """The switch's time runs 30 times faster: each call is refreshed once and more while the doctor looks."""
    switch = held(rig, 1000, clock_rate=30, parameters={"SS_SIP_SESSION_TTL": 300})
    def refreshes():
        counters = switch.api.get("/api/v1/status")["counters"]
        return sum(count for name, count in counters.items() if name.startswith("session_refreshes_c") and name.endswith("accepted"))
    wait_until(lambda: refreshes() >= 1000, "they are refreshed", 40)
    opinion = switch.api.get("/api/v1/doctor")
    assert opinion["items"] == [], opinion["items"]
    assert opinion["looked_at"]["messages"] > 10000, opinion["looked_at"]
