"""What the server answers is what its OpenAPI description says."""

from rig.claims import needs
from rig.schema import Schemas
from rig.switch import mapping_gateway, phone, routing_gateway

SAMPLES = {"parameters": "SS_SIP_SESSION_TTL", "phones": "1001", "mapping-gateways": "customer-a", "routing-gateways": "vendor-a"}


def a_switch_with_something_of_everything(rig):
    """One call is up, one is over, a phone is registered, and an operator has changed something."""
    customer, vendor = rig.port(), rig.port()
    switch = rig.switch(phones=[phone("1001")], mapping_gateways=[mapping_gateway("customer-a", customer)],
                        routing_gateways=[routing_gateway("vendor-a", vendor)])
    rig.phone(switch, "1001")
    callee = rig.sipp("callee_answers", port=vendor, calls=2)
    rig.sipp("gateway_calls", port=customer, to=switch).done()
    switch.cdr()
    rig.sipp("gateway_calls", port=rig.port(), to=switch, hold_ms=0)  # a stranger, as far as the switch knows
    rig.sipp("gateway_calls", port=customer, to=switch, hold_ms=30000)
    switch.wait_for_calls(1)
    switch.api.put("/api/v1/users/anna", {"role": "viewer", "password": "long enough for anybody"})
    switch.api.put("/api/v1/tokens/grafana", {"role": "viewer"})
    assert callee
    return switch


def id_for(switch, path):
    """Something that a path with {id} can be asked for."""
    kind = path.split("/")[3]
    if kind in SAMPLES:
        return SAMPLES[kind]
    items = switch.api.get(f"/api/v1/{kind}")["items"]
    return items[0]["id"] if items else None


def answers_of(switch, description):
    """(path, answer, schema) of each GET that has a schema."""
    for path, operations in description["paths"].items():
        content = operations.get("get", {}).get("responses", {}).get("200", {}).get("content")
        if not content:
            continue
        asked = path.replace("{id}", str(id_for(switch, path))) if "{id}" in path else path
        query = {"value": "900"} if path.endswith("/effect") else {}
        answer = switch.api.ask("GET", asked, **query)
        if answer.status != 404:  # nothing of that kind is there
            assert answer.status == 200, (asked, answer)
            yield path, answer.json, content["application/json"]["schema"]


@needs("switch", "sipp")
def test_what_the_server_answers_is_what_its_description_says(rig):
    switch = a_switch_with_something_of_everything(rig)
    description = switch.api.get("/api/v1/openapi.json")
    schemas, problems, count = Schemas(description), [], 0
    for path, answer, schema in answers_of(switch, description):
        problems += [f"{path} {problem}" for problem in schemas.problems(answer, schema)]
        count += 1
    assert count >= 20, f"only {count} answers were looked at"
    assert not problems, "\n".join(sorted(set(problems)))


@needs("switch")
def test_every_path_of_the_description_is_served(rig):
    switch = rig.switch()
    description = switch.api.get("/api/v1/openapi.json")
    for path, operations in description["paths"].items():
        for method in operations:
            if path in ("/api/v1/events", "/api/v1/drain") or path.startswith("/external/"):
                continue  # without end; changes the test; off by default
            answer = switch.api.ask(method.upper(), path.replace("{id}", "nothing-of-that-name"))
            assert answer.status != 405 and answer.status < 500, (method, path, answer)
            if answer.status >= 400:
                problem = answer.json
                assert answer.headers["content-type"].startswith("application/problem+json"), (method, path, answer)
                assert not Schemas(description).problems(problem, {"$ref": "#/components/schemas/Problem"}), problem
        unknown = switch.api.ask("PATCH", path.replace("{id}", "nothing-of-that-name"))
        assert unknown.status in (404, 405), (path, unknown)
