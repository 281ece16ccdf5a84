"""scripts/install-dependencies, with a made-up apt: what it asks for, and that no service is started by it."""

import os
import subprocess

from rig.rig import ROOT

POLICY = "#!/bin/sh\n# somebody's own\nexit 104\n"


def program(directory, name, script):
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def install(rig, group, apt="exit 0", policy=None):
    """Runs it on a machine where nothing is installed; returns (CompletedProcess, what apt and others were told, the
    policy's path). `apt` is a shell script that knows $POLICY_RC_D."""
    tools, told = rig.directory / "bin", rig.directory / "told"
    tools.mkdir(exist_ok=True)
    program(tools, "dpkg-query", "exit 1")
    program(tools, "sudo", 'exec "$@"')
    program(tools, "update-rc.d", f'echo "update-rc.d $*" >>{told}')
    program(tools, "apt-get", f'echo "apt-get $*" >>{told}\n{apt}')
    path = rig.directory / "policy-rc.d"
    if policy:
        path.write_text(policy)
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "POLICY_RC_D": str(path)}
    done = subprocess.run([ROOT / "scripts/install-dependencies", group], env=environment, capture_output=True, text=True,
                          timeout=20)
    return done, told.read_text(), path


def test_the_test_packages_have_all_that_a_test_needs(rig):
    done, told, _ = install(rig, "test")
    assert done.returncode == 0, done
    for package in ("kamailio", "sip-tester", "linphone-cli", "baresip-core", "openssl"):
        assert f" {package}" in told, (package, told)


def test_no_service_is_started_while_packages_are_installed(rig):
    done, told, policy = install(rig, "test", apt='sh "$POLICY_RC_D" kamailio start; test $? = 101 || exit 7')
    assert done.returncode == 0, done
    assert not policy.exists(), "nothing stays behind"
    assert "update-rc.d kamailio disable" in told, told


def test_the_policy_that_stood_there_comes_back_also_when_apt_fails_or_we_are_ended(rig):
    for apt, status in (("exit 0", 0), ("exit 100", 1), ("kill -TERM $PPID", 143)):
        done, _, policy = install(rig, "test", apt=apt, policy=POLICY)
        assert done.returncode == status, (apt, done)
        assert policy.read_text() == POLICY, (apt, done, policy.read_text())
        assert not policy.with_name("policy-rc.d.before-belfry").exists()


def test_what_a_killed_run_left_behind_is_put_right_by_the_next(rig):
    aside = rig.directory / "policy-rc.d.before-belfry"
    aside.write_text(POLICY)
    _, _, policy = install(rig, "test", policy="#!/bin/sh\n# of install-dependencies, for its time only\nexit 101\n")
    assert policy.read_text() == POLICY
    assert not aside.exists()
