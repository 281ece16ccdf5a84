"""The drivers themselves, without any switch: linphonec and baresip call each other directly."""

from rig.claims import needs


@needs("linphonec", "baresip")
def test_linphone_calls_baresip_and_hangs_up(rig):
    linphone, baresip = rig.linphone("1001"), rig.baresip("1002")
    linphone.call("1002", baresip.port)
    assert "1001" in baresip.wait_for_incoming()
    linphone.wait_for_ringing()
    baresip.answer()
    linphone.wait_until_connected()
    linphone.wait_until_it_hears()
    linphone.hang_up()
    baresip.wait_until_ended()


@needs("linphonec", "baresip")
def test_baresip_calls_linphone_and_hangs_up(rig):
    linphone, baresip = rig.linphone("1001"), rig.baresip("1002")
    baresip.call("1001", linphone.port)
    assert "1002" in linphone.wait_for_incoming()
    baresip.wait_for_ringing()
    linphone.answer()
    baresip.wait_until_connected()
    baresip.hang_up()
    linphone.wait_until_ended()


@needs("linphonec", "baresip")
def test_linphone_holds_and_resumes(rig):
    linphone, baresip = rig.linphone("1001"), rig.baresip("1002")
    linphone.call("1002", baresip.port)
    baresip.wait_for_incoming()
    baresip.answer()
    linphone.wait_until_connected()
    linphone.hold()
    linphone.resume()
    baresip.hang_up()
    linphone.wait_until_ended()


@needs("linphonec", "baresip")
def test_baresip_rejects(rig):
    linphone, baresip = rig.linphone("1001"), rig.baresip("1002")
    linphone.call("1002", baresip.port)
    baresip.wait_for_incoming()
    baresip.reject()
    linphone.wait_until_ended()


@needs("linphonec", "baresip")
def test_linphone_rejects(rig):
    linphone, baresip = rig.linphone("1001"), rig.baresip("1002")
    baresip.call("1001", linphone.port)
    linphone.wait_for_incoming()
    linphone.reject()
    baresip.wait_until_ended()


@needs("linphonec", "baresip")
def test_linphone_cancels(rig):
    linphone, baresip = rig.linphone("1001"), rig.baresip("1002")
    linphone.call("1002", baresip.port)
    baresip.wait_for_incoming()
    linphone.hang_up()
    baresip.wait_until_ended()
