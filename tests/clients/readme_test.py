"""The README's first call, with its own words; only the ports are the test's."""

import json
import re
import subprocess

from rig.cdr import expect_cdr
from rig.claims import needs
from rig.ports import free_port
from rig.rig import ROOT

SECTION = re.compile(r"^## A first call in a minute$(.*?)^## ", re.MULTILINE | re.DOTALL)


def first_call():
    """The document to apply, the directory that linphonec needs, what is typed into it, and baresip's account."""
    text = SECTION.search((ROOT / "README.md").read_text())[1]
    document = re.search(r"<<'END'\n(.*?)^END$", text, re.MULTILINE | re.DOTALL)[1]
    directory = re.search(r"^mkdir -p ~/(\S+)\nlinphonec$", text, re.MULTILINE)[1]
    return (json.loads(document), directory, re.findall(r"^> (.+)$", text, re.MULTILINE),
            re.search(r"^echo '(<sip:.+)' >> ~/.baresip/accounts$", text, re.MULTILINE)[1])


@needs("switch", "linphonec", "baresip")
def test_the_first_call_of_the_readme_is_made_by_its_own_words(rig):
    document, directory, typed, account = first_call()
    switch = rig.switch()
    here = f"127.0.0.1:{switch.port}"
    applied = rig.directory / "first-call.json"
    applied.write_text(json.dumps(document))
    assert switch.command_line("apply", applied).returncode == 0

    baresip = rig.baresip("1002", account=account.replace("127.0.0.1", here) + "\n")
    baresip.wait_until_registered()
    home = rig.directory / "linphone-home"
    (home / directory).mkdir(parents=True)
    linphone = rig.process("linphonec", ["linphonec"], stdin=subprocess.PIPE, environment={"HOME": str(home), "PATH": "/usr/bin:/bin"})
    for line in ["soundcard use files", *typed]:
        line = re.sub(r"127\.0\.0\.1(?!:)", here, line)
        if line.startswith("ports sip"):
            line = f"ports sip {free_port()}"
        if line.startswith("call"):
            switch.wait_for_registration("1001")
        linphone.popen.stdin.write(f"{line}\n".encode())
        linphone.popen.stdin.flush()
    assert any(line.startswith("ports sip") for line in typed), "linphonec must not take the switch's port"
    baresip.wait_for_incoming()
    baresip.answer()
    baresip.hang_up()
    expect_cdr(switch.cdr(), caller_device="1001", callee_device="1002", end_direction="callee", end_reason="normal")
