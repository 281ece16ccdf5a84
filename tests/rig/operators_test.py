"""The operator's door from outside: HTTP API and command line of a running switch."""

import csv
import io
import json
import re
import signal
import stat

from rig.api import Api
from rig.cdr import FIELDS
from rig.claims import needs
from rig.ports import HOST
from rig.switch import mapping_gateway, phone, routing_gateway
from rig.waiting import wait_until


def problem(answer, status):
    """Fails unless the answer is a problem document (RFC 7807) of that status; returns it."""
    assert answer.status == status, f"{answer.status}, expected {status}: {answer.text[:500]}"
    assert answer.headers.get("content-type", "").startswith("application/problem+json"), answer.headers
    assert answer.json.get("status") == status and answer.json.get("title"), answer.text
    return answer.json


@needs("switch")
def test_the_ready_line_says_where_everything_is(rig):
    switch = rig.switch()
    listening, admin, data = switch.ready_line.groups()
    assert listening == f"udp:{HOST}:{switch.port},tcp:{HOST}:{switch.port}"
    assert admin == f"http://{HOST}:{switch.admin_port}" and data == str(switch.data)
    assert switch.process.output.count("\n") == 1, "one line on standard output, no more"


@needs("switch")
def test_the_first_start_makes_a_private_directory_and_token(rig):
    switch = rig.switch()
    assert stat.S_IMODE(switch.data.stat().st_mode) == 0o700
    assert stat.S_IMODE((switch.data / "admin.token").stat().st_mode) == 0o600
    assert len((switch.data / "admin.token").read_text().strip()) >= 32


@needs("switch")
def test_health_and_metrics_need_no_token(rig):
    switch = rig.switch()
    stranger = Api(HOST, switch.admin_port)
    assert stranger.ask("GET", "/healthz").status == 200
    metrics = stranger.ask("GET", "/metrics")
    names = {line.split("{")[0].split()[0] for line in metrics.text.splitlines() if line and not line.startswith("#")}
    assert metrics.status == 200 and names and all(name.startswith("belfry_") for name in names), names


@needs("switch")
def test_everything_else_needs_the_token(rig):
    switch = rig.switch()
    for path in ("status", "parameters", "phones", "calls", "cdrs", "registrations"):
        problem(Api(HOST, switch.admin_port).ask("GET", f"/api/v1/{path}"), 401)
        problem(Api(HOST, switch.admin_port, "wrong").ask("GET", f"/api/v1/{path}"), 401)
        assert switch.api.ask("GET", f"/api/v1/{path}").status == 200, path


@needs("switch")
def test_what_is_not_there_is_a_problem_document(rig):
    switch = rig.switch()
    problem(switch.api.ask("GET", "/api/v1/nothing"), 404)
    problem(switch.api.ask("GET", "/api/v1/calls/nothing"), 404)
    problem(switch.api.ask("GET", "/api/v1/parameters/SS_NOTHING"), 404)


@needs("switch")
def test_a_parameter_is_set_and_survives_a_restart(rig):
    switch = rig.switch()
    before = switch.api.get("/api/v1/parameters/SS_SIP_SESSION_TTL")
    assert (before["value"], before["default"], before["unit"], before["min"], before["max"]) == (600, 600, "s", 90, 86400), before
    switch.api.put("/api/v1/parameters/SS_SIP_SESSION_TTL", {"value": 900})
    switch.kill()
    switch.start()
    after = switch.api.get("/api/v1/parameters/SS_SIP_SESSION_TTL")
    assert after["value"] == 900 and after["default"] == 600 and after["changed_at"] and after["changed_by"], after


@needs("switch")
def test_a_parameter_out_of_range_is_refused_with_the_range(rig):
    switch = rig.switch()
    refused = problem(switch.api.ask("PUT", "/api/v1/parameters/SS_SIP_SESSION_UPDATE_SEGMENT", {"value": 11}), 400)
    assert "2" in refused["detail"] and "10" in refused["detail"], refused
    assert switch.api.get("/api/v1/parameters/SS_SIP_SESSION_UPDATE_SEGMENT")["value"] == 2


@needs("switch")
def test_a_preset_sets_its_parameters(rig):
    switch = rig.switch()
    switch.api.post("/api/v1/presets/wholesale", {})
    values = {p["name"]: p["value"] for p in switch.api.get("/api/v1/parameters")["items"]}
    assert values["SS_SIP_SESSION_TTL"] == 600 and values["SS_SIP_NO_TIMER_REINVITE_INTERVAL"] == 0, values


@needs("switch")
def test_apply_is_idempotent_and_never_gives_a_password_back(rig):
    switch = rig.switch()
    document = {"phones": [phone("1001")], "mapping_gateways": [mapping_gateway("customer-a", 5070)],
                "routing_gateways": [routing_gateway("vendor-a", 5080)]}
    for _ in range(2):
        switch.api.post("/api/v1/apply", document)
        assert [p["number"] for p in switch.api.get("/api/v1/phones")["items"]] == ["1001"]
        assert [g["name"] for g in switch.api.get("/api/v1/mapping-gateways")["items"]] == ["customer-a"]
        assert [g["name"] for g in switch.api.get("/api/v1/routing-gateways")["items"]] == ["vendor-a"]
    assert "secret of" not in switch.api.ask("GET", "/api/v1/phones").text
    assert "secret of" not in switch.process.errors


@needs("switch")
def test_apply_is_all_or_nothing_and_names_an_unknown_key(rig):
    switch = rig.switch()
    refused = problem(switch.api.ask("POST", "/api/v1/apply", {"phones": [phone("1001"), phone("1002", colour="red")]}), 400)
    assert "colour" in json.dumps(refused), refused
    assert switch.api.get("/api/v1/phones")["items"] == []


@needs("switch")
def test_replace_makes_a_section_exactly_what_is_given(rig):
    switch = rig.switch(phones=[phone("1001"), phone("1002")])
    switch.api.post("/api/v1/apply", {"replace": ["phones"], "phones": [phone("1003")]})
    assert [p["number"] for p in switch.api.get("/api/v1/phones")["items"]] == ["1003"]


@needs("switch")
def test_objects_are_put_and_deleted_one_by_one(rig):
    switch = rig.switch()
    switch.api.put("/api/v1/phones/1005", {"number": "1005", "password": "secret of 1005"})
    assert switch.api.get("/api/v1/phones/1005")["number"] == "1005"
    switch.api.delete("/api/v1/phones/1005")
    problem(switch.api.ask("GET", "/api/v1/phones/1005"), 404)


@needs("switch", "sipp")
def test_records_are_paged_newest_first_and_come_as_csv(rig):
    switch = rig.switch()
    for _ in range(3):
        rig.sipp("gateway_is_refused", to=switch, status=403).done()
    newest_first = [cdr["id"] for cdr in reversed(switch.cdrs(3))]
    pages, cursor = [], None
    while True:
        page = switch.api.get("/api/v1/cdrs", limit=2, **({"cursor": cursor} if cursor else {}))
        pages.append([cdr["id"] for cdr in page["items"]])
        cursor = page["next_cursor"]
        if not cursor:
            break
        assert len(pages) < 5, "the pages have no end"
    assert pages == [newest_first[:2], newest_first[2:]], pages
    table = switch.api.ask("GET", "/api/v1/cdrs", headers={"Accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert table.headers["content-type"].startswith("text/csv")
    assert [row["id"] for row in rows] == newest_first and rows[0]["end_reason"] == "illegal_call"
    flat = [name for name in FIELDS if not name.endswith("_timer")]
    assert [name for name in flat if name not in rows[0]] == []
    one = switch.api.get(f"/api/v1/cdrs/{newest_first[0]}")
    assert one["id"] == newest_first[0]


@needs("switch", "sipp")
def test_records_are_found_by_what_they_say(rig):
    switch = rig.switch()
    rig.sipp("gateway_is_refused", to=switch, caller="111", number="222", status=403).done()
    rig.sipp("gateway_is_refused", to=switch, caller="333", number="444", status=403).done()
    switch.cdrs(2)
    assert switch.cdr(caller="111")["callee"] == "222"
    assert switch.cdr(callee="444")["caller"] == "333"
    assert len(switch.cdrs(2, reason="illegal_call")) == 2 and switch.cdrs(0, reason="busy") == []


@needs("switch")
def test_the_command_line_asks_the_running_switch(rig):
    switch = rig.switch(phones=[phone("1001")])
    for command in ("status", "calls", "registrations", "gateways", "cdrs", "parameters"):
        result = switch.command_line(command, "-j")
        assert result.returncode == 0, f"{command}: {result}"
        json.loads(result.stdout)
        assert switch.command_line(command).returncode == 0, command
    assert switch.command_line("set", "SS_SIP_SESSION_TTL", "900").returncode == 0
    assert re.search(r"\b900\b", switch.command_line("get", "SS_SIP_SESSION_TTL").stdout)
    assert switch.command_line("set", "SS_SIP_SESSION_TTL", "1").returncode == 1
    assert switch.command_line("hangup", "nothing").returncode == 1
    assert switch.command_line("nonsense").returncode == 2


@needs("switch")
def test_the_description_of_the_api_is_itself_json(rig):
    switch = rig.switch()
    description = switch.api.get("/api/v1/openapi.json")
    assert description["openapi"].startswith("3.1")
    for path in ("/api/v1/calls", "/api/v1/cdrs", "/api/v1/phones", "/api/v1/parameters", "/api/v1/apply"):
        assert path in description["paths"], sorted(description["paths"])


@needs("switch")
def test_sigterm_ends_it_within_five_seconds(rig):
    switch = rig.switch()
    switch.terminate(5.0)


@needs("switch", "sipsak")
def test_options_are_answered(rig):
    switch = rig.switch(mapping_gateways=[{"name": "customer-a", "addresses": [HOST], "capacity": 1}])
    probe = rig.process("sipsak", ["sipsak", "-H", HOST, "-s", f"sip:{HOST}:{switch.port}"])
    assert probe.wait(10) == 0, probe.output


@needs("switch")
def test_a_token_of_a_program_has_its_role_and_no_more_and_ends_when_it_is_removed(rig):
    switch = rig.switch()
    secret = switch.api.put("/api/v1/tokens/grafana", {"role": "viewer"})["token"]
    program = Api(HOST, switch.admin_port, secret)
    assert program.ask("GET", "/api/v1/status").status == 200
    problem(program.ask("PUT", "/api/v1/parameters/SS_SIP_SESSION_TTL", {"value": 900}), 403)
    assert secret not in switch.api.ask("GET", "/api/v1/tokens").text + switch.api.ask("GET", "/api/v1/audit").text
    renewed = Api(HOST, switch.admin_port, switch.api.put("/api/v1/tokens/grafana", {"role": "operator"})["token"])
    problem(program.ask("GET", "/api/v1/status"), 401)
    renewed.put("/api/v1/phones/1009", phone("1009"))
    assert switch.api.get("/api/v1/audit")["items"][0]["by"] == "token:grafana"
    assert switch.api.ask("DELETE", "/api/v1/tokens/grafana").status == 204
    problem(renewed.ask("GET", "/api/v1/status"), 401)
    problem(switch.api.ask("PUT", "/api/v1/tokens/no.dots", {"role": "viewer"}), 400)


@needs("switch")
def test_the_effect_of_a_value_is_told_before_it_is_set(rig):
    switch = rig.switch()
    said = switch.api.get("/api/v1/parameters/SS_SIP_SESSION_TTL/effect", value="300")
    assert "every 150 s" in said["effect"], said
    assert "90 to 86400" in problem(switch.api.ask("GET", "/api/v1/parameters/SS_SIP_SESSION_TTL/effect?value=45"), 400)["detail"]
    problem(switch.api.ask("GET", "/api/v1/parameters/SS_NOTHING/effect?value=45"), 404)
    assert switch.api.get("/api/v1/parameters/SS_SIP_SESSION_TTL")["value"] == 600


@needs("switch")
def test_the_audit_log_says_what_a_preset_has_changed(rig):
    switch = rig.switch()
    switch.api.post("/api/v1/presets/mobile", {})
    change = switch.api.get("/api/v1/audit")["items"][0]["change"]
    assert change["preset"] == "mobile", change
    assert {"parameter": "SS_SIP_SESSION_TTL", "from": 600, "to": 300} in change["parameters"], change


@needs("switch")
def test_the_audit_log_says_which_files_were_applied_without_their_secrets(rig):
    switch = rig.switch(phones=[phone("1001")])
    switch.process.signal(signal.SIGHUP)

    def from_file():
        return [entry for entry in switch.api.get("/api/v1/audit")["items"] if entry["by"] == "file"]
    wait_until(lambda: len(from_file()) == 2, "both times are noted", 5)
    assert [entry["what"].split(".json ")[1] for entry in from_file()] == ["on SIGHUP", "at the start"], from_file()
    assert from_file()[0]["change"]["phones"] == [{"number": "1001", "password": "***"}], from_file()


@needs("switch")
def test_a_live_view_goes_on_until_it_is_told_to_end(rig):
    switch = rig.switch()
    view = rig.process("live", [switch.rig.binary, "status", "--live", "--data", switch.data])
    wait_until(lambda: view.output.count("calls") >= 2, "there are two pictures")
    view.popen.send_signal(signal.SIGINT)
    assert view.popen.wait(5) == 0
    refused = switch.command_line("hangup", "x", "--live")
    assert refused.returncode == 2 and "--live" in refused.stderr, refused


@needs("switch", "sipp")
def test_each_attack_is_a_line_that_names_its_address_and_no_secret(rig):
    switch = rig.switch(phones=[phone("1001")])
    Api(HOST, switch.admin_port, "surely-not-the-token").ask("GET", "/api/v1/status")
    console = {"X-Belfry-Console": "1"}
    Api(HOST, switch.admin_port).ask("POST", "/api/v1/session", {"user": "my password", "password": "wrong"}, headers=console)
    rig.sipp("phone_fails_to_register", to=switch, port=rig.port(), number="1001", user="1001", password="wrong",
             status=401).done()
    rig.sipp("gateway_is_refused", port=rig.port(), to=switch, status=403).done()
    lines = wait_until(lambda: found if len(found := re.findall(r"security (.*)", switch.process.errors)) >= 4 else None,
                       "there are four lines")
    assert f"event=token-refused address={HOST}" in lines and f"event=sign-in-refused address={HOST}" in lines, lines
    assert f'event=device-wrong-password address={HOST} user="1001"' in lines, lines
    assert any(line.startswith(f"event=stranger address={HOST}") for line in lines), lines
    assert not re.search("surely|my password|wrong\\b(?!-)", "\n".join(lines).replace("wrong-password", "")), lines


@needs("switch")
def test_devices_are_searched_sorted_and_paged_by_the_switch(rig):
    switch = rig.switch(
        phones=[phone(f"1{n:03}", display=f"Desk {n}", locked=n == 7) for n in range(120)],
        routing_gateways=[routing_gateway("vendor-a", rig.port(), prefixes=("44",), priority=2), routing_gateway("vendor-b", rig.port())])
    api = switch.api

    def numbers(**query):
        return [item["number"] for item in api.get("/api/v1/phones", **query)["items"]]
    first = api.get("/api/v1/phones", sort="name", limit=50)
    assert (first["total"], first["offset"], len(first["items"])) == (120, 0, 50), first
    second = api.get("/api/v1/phones", sort="name", limit=50, cursor=first["next_cursor"])
    assert [item["number"] for item in second["items"]] == [f"1{n:03}" for n in range(50, 100)]
    assert numbers(sort="-name", limit=2) == ["1119", "1118"] and numbers(sort="name", offset=118) == ["1118", "1119"]
    assert numbers(q="DESK 11", sort="name")[:3] == ["1011", "1110", "1111"] and numbers(q="no such phone") == []
    assert numbers(sort="-state", limit=1) == ["1007"]
    api.put("/api/v1/phones/1050", {"display": "Reception"})
    assert numbers(sort="-changed", limit=1) == ["1050"] and numbers(q="recep") == ["1050"]
    said = switch.command_line("phones", "q=recep").stdout
    assert "1050" in said and "1051" not in said, said
    assert "2 of 120 that fit" in switch.command_line("phones", "sort=-name", "limit=2").stdout
    assert "no registrations" in switch.command_line("registrations", "state=unreachable", "q=1050").stdout
    assert switch.command_line("registrations", "colour=red").returncode == 2
    gateways = api.get("/api/v1/routing-gateways", sort="priority")["items"]
    assert [one["name"] for one in gateways] == ["vendor-b", "vendor-a"] and api.get("/api/v1/routing-gateways", q="44")["total"] >= 1
    assert "sort is one of name, where" in problem(api.ask("GET", "/api/v1/phones", sort="colour"), 400)["detail"]
    secret = json.loads((rig.directory / "belfry.json").read_text())["phones"][0]["password"]
    assert numbers(q=secret) == [] and not any("ha1" in item for item in first["items"])
