"""The switch is killed under load: the short version of tests/faults/run."""

import sys
from pathlib import Path

from rig.claims import needs, time_limit

sys.path.insert(0, str(Path(__file__).resolve().parent))
import campaign  # noqa: E402  (the path must be set first)


@needs("switch")
@time_limit(150)
def test_each_answered_call_has_exactly_one_record_after_kill_9(rig):
    tally = campaign.Tally()
    campaign.run(rig, tally, rate=60, seconds=5.0, kills=3, drain_s=12)
    print(tally)
    assert tally.calls > 50, str(tally)
    tally.check()


@needs("switch")
@time_limit(150)
def test_calls_go_on_when_the_switch_is_stopped_and_started_again(rig):
    tally = campaign.Tally()
    campaign.run(rig, tally, rate=40, seconds=4.0, kills=1, drain_s=12, gently=True)
    assert tally.calls > 30, str(tally)
    tally.check()
