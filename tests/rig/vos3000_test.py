"""Scripts written for VOS3000 get their answers in its field names, when they are let in."""

import time

from rig.api import Api
from rig.claims import needs
from rig.ports import HOST
from rig.switch import mapping_gateway, phone, routing_gateway
from rig.waiting import wait_until

ON = ("--vos3000-api", "1")


def ask(switch, what, body=None, token=None):
    answer = (Api(HOST, switch.admin_port, token) if token else switch.api).ask("POST", f"/external/server/{what}", body or {})
    return answer.status, answer.json


@needs("switch")
def test_it_is_off_by_default_and_never_open_to_strangers(rig):
    assert ask(rig.switch(), "GetCurrentCall")[0] == 404
    switch = rig.switch(arguments=ON)
    assert Api(HOST, switch.admin_port).ask("POST", "/external/server/GetCurrentCall", {}).status == 401
    viewer = switch.api.put("/api/v1/tokens/panel", {"role": "viewer"})["token"]
    assert ask(switch, "GetCurrentCall", token=viewer) == (200, {"retCode": 0, "infoCurrentCalls": []})
    assert ask(switch, "DisconnectCurrentCall", {"callId": "x"}, token=viewer)[0] == 403
    assert not [entry for entry in switch.api.get("/api/v1/audit")["items"] if "Get" in entry["what"]]


@needs("switch", "sipp")
def test_a_call_is_listed_disconnected_and_recorded_in_known_names(rig):
    customer, vendor = rig.port(), rig.port()
    switch = rig.switch(arguments=ON, mapping_gateways=[mapping_gateway("customer-a", customer)],
                        routing_gateways=[routing_gateway("vendor-a", vendor, prefixes=("*",))])
    callee = rig.sipp("callee_answers", port=vendor, timeout_s=40)
    caller = rig.sipp("gateway_is_hung_up", port=customer, to=switch, timeout_s=40)
    caller.wait_for(200)

    def talking():
        calls = ask(switch, "GetCurrentCall", {"gatewayMappingName": "customer-a"})[1]["infoCurrentCalls"]
        return [call for call in calls if call["keepTime"] >= 0]
    [call] = wait_until(talking, "the call talks")
    assert call["calleeGatewayId"] == "vendor-a" and call["calleeE164"], call
    assert abs(call["connectedTime"] / 1000 - time.time()) < 30, call
    assert ask(switch, "GetCurrentCall", {"callerE164s": ["nobody"]})[1]["infoCurrentCalls"] == []
    online = ask(switch, "GetGatewayRoutingOnline", {"names": ["vendor-a"]})[1]["infoGatewayRoutingOnlines"]
    assert [(one["name"], one["currentCall"], one["remoteIp"], one["prefix"]) for one in online] == [("vendor-a", 1, HOST, "*")], online
    assert ask(switch, "GetPerformance")[1]["infoPerformances"][0]["currentCall"] == 1
    assert ask(switch, "DisconnectCurrentCall", {"callId": call["callId"]}) == (200, {"retCode": 0})
    caller.done()
    callee.done()
    assert ask(switch, "DisconnectCurrentCall", {"callId": call["callId"]})[1]["retCode"] == -10007
    switch.cdr()
    day = time.strftime("%Y%m%d")
    [cdr] = ask(switch, "GetCdr", {"accounts": [], "beginTime": day, "endTime": day})[1]["infoCdrs"]
    assert (cdr["callerGateway"], cdr["calleeGateway"], cdr["endDirection"], cdr["endReasonText"]) == (
        "customer-a", "vendor-a", 2, "operator"), cdr
    assert cdr["callerip"] == HOST and 0 < cdr["start"] <= cdr["stop"] and isinstance(cdr["flowNo"], int), cdr
    assert ask(switch, "GetCdr", {"beginTime": "today"})[1]["retCode"] < 0


@needs("switch", "sipp")
def test_phones_and_mapping_gateways_are_listed(rig):
    switch = rig.switch(arguments=ON, phones=[phone("1001"), phone("1002"), phone("1003", address=f"{HOST}:{rig.port()}")],
                        mapping_gateways=[mapping_gateway("customer-a", 5070, capacity=30)])
    rig.phone(switch, "1001")
    [static] = ask(switch, "GetPhoneOnline", {"e164s": ["1003"]})[1]["infoPhoneOnlines"]
    assert (static["remoteIp"], static["registerTime"], static["updateTime"]) == (HOST, 0, 0), static
    [online] = ask(switch, "GetPhoneOnline", {"e164s": ["1001"]})[1]["infoPhoneOnlines"]
    assert (online["e164"], online["remoteIp"]) == ("1001", HOST) and online["registerTime"] > 0, online
    assert ask(switch, "GetPhoneOnline", {"e164s": ["1002"]})[1]["infoPhoneOnlines"] == []
    [gateway] = ask(switch, "GetGatewayMappingOnline", {})[1]["infoGatewayMappingOnlines"]
    assert (gateway["name"], gateway["capacity"], gateway["remoteIps"]) == ("customer-a", 30, f"{HOST}:5070"), gateway


@needs("switch")
def test_an_address_of_ipv6_is_told_whole(rig):
    gateways = [{**routing_gateway(f"vendor-{i}", 5060), "address": address}
                for i, address in enumerate(["[2001:db8::1]", "[2001:db8::1]:5070"])]
    switch = rig.switch(arguments=ON, routing_gateways=gateways)
    online = ask(switch, "GetGatewayRoutingOnline", {})[1]["infoGatewayRoutingOnlines"]
    assert [one["remoteIp"] for one in online] == ["[2001:db8::1]"] * 2, online
