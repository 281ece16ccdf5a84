"""`belfry check` and starting with a wrong configuration: what is wrong is named with file and line."""

import json
import subprocess

from rig.claims import needs
from rig.switch import phone


def check(rig, *words):
    """Runs `belfry check`; returns exit status and everything it said."""
    result = subprocess.run([str(rig.binary), "check", *map(str, words)], capture_output=True, text=True, timeout=20,
                            cwd=rig.directory)
    return result.returncode, result.stdout + result.stderr


def expect_complaint(rig, option, name, text, line, *about):
    file = rig.directory / name
    file.write_text(text)
    status, words = check(rig, option, file)
    assert status == 2, f"exit status {status}\n{words}"
    assert f"{name}:{line}" in words, f"{name}:{line} is not named in:\n{words}"
    for word in about:
        assert word in words, f"{word!r} is not named in:\n{words}"


@needs("switch")
def test_a_good_configuration_is_accepted(rig):
    config, applied = rig.directory / "good.ini", rig.directory / "good.json"
    config.write_text("# a comment\n[sip]\nlisten = udp:127.0.0.1:5060\n\n[worker]\ncount = 1\n")
    applied.write_text(json.dumps({"phones": [phone("1001")], "parameters": {"SS_SIP_SESSION_TTL": 900}}))
    status, words = check(rig, "--config", config, "--apply", applied)
    assert (status, words) == (0, f"{applied}: good\n"), words
    status, words = check(rig, "--config", config)
    assert (status, words) == (0, "the options are good\n"), words


@needs("switch")
def test_an_unknown_key_is_named_with_its_line(rig):
    expect_complaint(rig, "--config", "a.ini", "[sip]\nlisten = udp:127.0.0.1:5060\nlissten = tcp:127.0.0.1:5060\n", 3, "lissten")


@needs("switch")
def test_an_impossible_value_is_named_with_its_line(rig):
    expect_complaint(rig, "--config", "b.ini", "\n[worker]\n\ncount = many\n", 4, "many")


@needs("switch")
def test_a_line_that_is_none_is_named(rig):
    expect_complaint(rig, "--config", "c.ini", "[sip]\nlisten\n", 2)


@needs("switch")
def test_json_that_is_none_is_named_with_its_line(rig):
    expect_complaint(rig, "--apply", "d.json", '{ "phones": [\n  { "number": "1001",, } ]\n}\n', 2)


@needs("switch")
def test_an_unknown_key_of_an_object_is_named(rig):
    expect_complaint(rig, "--apply", "e.json", '{ "phones": [\n  { "number": "1001", "password": "x", "colour": "red" } ]\n}\n', 2,
                     "colour")


@needs("switch")
def test_a_parameter_out_of_its_range_is_named_with_the_range(rig):
    expect_complaint(rig, "--apply", "f.json", '{ "parameters": {\n "SS_SIP_SESSION_UPDATE_SEGMENT": 11 } }\n', 2,
                     "SS_SIP_SESSION_UPDATE_SEGMENT", "2", "10")


@needs("switch")
def test_serve_does_not_start_with_a_wrong_configuration(rig):
    config = rig.directory / "wrong.ini"
    config.write_text("[sip]\nlisten = carrier-pigeon:127.0.0.1:5060\n")
    result = subprocess.run([str(rig.binary), "serve", "--config", str(config), "--data", str(rig.directory / "data")],
                            capture_output=True, text=True, timeout=20, cwd=rig.directory)
    assert result.returncode == 2 and "wrong.ini:2" in result.stderr, result
    assert "ready" not in result.stdout


@needs("switch")
def test_an_unknown_option_is_a_usage_error(rig):
    result = subprocess.run([str(rig.binary), "serve", "--colour", "red"], capture_output=True, text=True, timeout=20,
                            cwd=rig.directory)
    assert result.returncode == 2 and "--colour" in result.stderr, result


@needs("switch")
def test_programs_read_what_is_wrong_as_json(rig):
    good, bad = rig.directory / "good.json", rig.directory / "bad.json"
    good.write_text('{"parameters": {}}')
    bad.write_text('{"parameters": {\n  "SS_SIP_SESSION_TTL": 5}}')
    status, words = check(rig, "--apply", good, "-j", "--apply", bad)
    said = json.loads(words)
    assert status == 2 and said["good"] is False, words
    assert said["items"][0] == {"file": str(good), "good": True}, words
    assert (said["items"][1]["line"], said["items"][1]["pointer"]) == (2, "/parameters/SS_SIP_SESSION_TTL"), words
    assert "90 to 86400" in said["items"][1]["problem"], words
    assert check(rig, "-j", "--apply", good)[0] == 0
