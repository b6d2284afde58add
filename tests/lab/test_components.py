"""The lab's components can be asked after, changed and broken; errors say what happened."""

import sys
from pathlib import Path

import pytest

from aicr_lab import startup
from aicr_lab.cli import main
from aicr_lab.errors import ComponentFailed, LabError
from aicr_lab.lab import Lab
from aicr_lab.machine.namespaces import wait_until
from aicr_lab.machine.processes import Process
from aicr_lab.options import LabOptions

CORE = {
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "relay",
    *(
        f"{name}@{node}"
        for name in ("containerd", "kubelet", "kube-proxy", "gpu-kubelet-plugin")
        for node in ("node-0", "node-1")
    ),
}


def health(lab: Lab, name: str) -> str:
    return next(each.health for each in lab.status() if each.name == name)


def test_status_knows_every_component(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    components = {each.name: each for each in lab.status()}
    assert set(components) >= CORE
    for each in components.values():
        assert (each.health, each.detail) == ("ok", "")
        assert each.rss > 2**20
        assert 0 < each.uptime < 3600
    assert main(["status", "--name", lab.name]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in CORE)


def test_an_idle_lab_takes_less_than_the_memory_promised(lab: Lab) -> None:
    # Pages that components share are counted once for each: the truth is lower.
    assert sum(each.rss for each in lab.status()) < 1.5 * 2**30


def test_a_component_is_restarted_with_other_flags_and_back(lab: Lab) -> None:
    def argv() -> str:
        pid = lab.processes.id("kube-scheduler")
        assert pid is not None
        return Path(f"/proc/{pid.pid}/cmdline").read_text()

    before = argv()
    lab.restart("kube-scheduler", ["--kube-api-burst=99"])
    lab.await_healthy("kube-scheduler")
    assert "--kube-api-burst=99" in argv()
    lab.restart("kube-scheduler")
    lab.await_healthy("kube-scheduler")
    assert argv() == before


def test_a_stopped_component_is_dead_and_up_brings_it_back(lab: Lab) -> None:
    lab.stop("kube-proxy@node-1")
    assert health(lab, "kube-proxy@node-1") == "dead"
    said: list[str] = []
    assert startup.up(lab, None, said.append) is False
    assert said[0] == "kube-proxy@node-1 does not run; starting it again"
    lab.await_healthy("kube-proxy@node-1")


def test_a_paused_component_lives_and_is_silent(lab: Lab) -> None:
    lab.pause("kube-controller-manager")
    try:
        assert health(lab, "kube-controller-manager") == "paused"
    finally:
        lab.resume("kube-controller-manager")
    lab.await_healthy("kube-controller-manager")


def test_the_relay_comes_back_on_its_port(lab: Lab) -> None:
    port = lab.port
    lab.restart("relay")
    assert lab.port == port
    assert lab.api.request("GET", "/livez") == "ok"


def test_a_component_that_dies_at_once_is_named_with_its_last_words(lab: Lab) -> None:
    script = "import sys; sys.exit('no such device')"
    dying = Process(
        name="dying@node-0",
        argv=(sys.executable, "-c", script),
        namespace="node-0",
        log=lab.node("node-0").log_dir / "dying.log",
    )
    lab.start(dying)
    try:
        assert wait_until(lambda: not lab.processes.alive("dying@node-0"), 10)
        with pytest.raises(ComponentFailed, match=r"(?s)dying@node-0 died.*no such device"):
            lab.processes.await_healthy("dying@node-0", 10)
    finally:
        lab.processes.forget("dying@node-0")


def test_a_program_that_is_not_there_is_named(lab: Lab) -> None:
    missing = Process(
        name="missing",
        argv=("/no/such/program",),
        namespace="lab",
        log=lab.dir / "logs" / "missing.log",
    )
    with pytest.raises(LabError, match="/no/such/program"):
        lab.start(missing)


def test_unknown_names_are_answered_with_the_known_ones(lab: Lab) -> None:
    with pytest.raises(LabError, match="kube-scheduler"):
        lab.restart("kube-schedular")
    with pytest.raises(LabError, match="node-0, node-1"):
        lab.node("node-7")


def test_other_options_than_those_it_runs_with_are_refused(lab: Lab) -> None:
    with pytest.raises(LabError, match="--nodes 2 --gpus 8"):
        startup.up(lab, LabOptions(nodes=1), lambda _: None)


def test_programs_run_in_a_node(lab: Lab) -> None:
    node = lab.node("node-1")
    assert node.run(["hostname"]).stdout == "node-1\n"
    assert node.run(["sh", "-c", "exit 4"], check=False).returncode == 4
    assert node.ip in node.run(["ip", "-4", "-o", "address"]).stdout
    with pytest.raises(LabError, match="exit status 1"):
        node.run(["false"])


def test_exec_passes_the_exit_status_on(lab: Lab) -> None:
    assert main(["exec", "--name", lab.name, "node-0", "--", "sh", "-c", "exit 9"]) == 9
    assert main(["exec", "--name", lab.name, "lab", "true"]) == 0


def test_logs_are_printed(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["logs", "--name", lab.name, "kube-scheduler"]) == 0
    assert "v1." in capsys.readouterr().out
    assert main(["logs", "--name", lab.name, "nosuch"]) == 1
    assert "there are: containerd@node-0" in capsys.readouterr().err
