"""A round that cannot be kept is said: in the log, by the API and on the command line, with the values that would do."""

from rig.claims import needs
from rig.switch import phone
from rig.waiting import wait_until

NUMBERS = ("1001", "1002", "1003")


def logged(switch, words):
    wait_until(lambda: words in switch.process.errors, f"the log says {words!r}", 10)


@needs("switch", "sipp")
def test_a_round_that_cannot_be_kept_is_said_with_what_would_do(rig):
    switch = rig.switch(arguments=["--workers", "1"], phones=[phone(number) for number in NUMBERS],
                        parameters={"SS_SIP_NAT_KEEP_ALIVE_PERIOD": 10, "SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL": 5000})
    for number in NUMBERS[:2]:
        rig.phone(switch, number)
    assert switch.command_line("set", "SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME", "1").returncode == 0
    assert "NAT keep-alive" not in switch.process.errors, "two devices are just kept"
    rig.phone(switch, NUMBERS[2])  # the number of devices grows past what is allowed
    sentence = "3 devices need 15 s a round, longer than SS_SIP_NAT_KEEP_ALIVE_PERIOD (10 s); would do: " \
               "SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME at least 2"
    logged(switch, f"NAT keep-alive: {sentence}")
    wait_until(lambda: switch.api.get("/api/v1/status")["keep_alive"]["round"].startswith(sentence), "the API says it", 5)
    assert switch.api.get("/api/v1/status")["keep_alive"]["round_is_kept"] is False
    assert sentence in switch.command_line("status").stdout

    assert switch.command_line("set", "SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME", "2").returncode == 0
    logged(switch, "3 devices need 7.5 s a round and get them in time again")
    assert switch.command_line("set", "SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL", "10000").returncode == 0
    logged(switch, "3 devices need 15 s a round, longer than SS_SIP_NAT_KEEP_ALIVE_PERIOD (10 s); would do: "
                   "SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME at least 3")  # to whoever sets the parameters, at once
