from pathlib import Path

import pytest

from aicr_lab import startup
from aicr_lab.cli import main, status_text
from aicr_lab.errors import ComponentFailed, LabError, last_lines
from aicr_lab.machine.processes import ComponentStatus
from aicr_lab.options import LabOptions


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AICR_LAB_HOME", str(tmp_path / "labs"))
    return tmp_path / "labs"


def component(name: str, **changes: object) -> ComponentStatus:
    values: dict[str, object] = {
        "name": name,
        "namespace": "lab",
        "pid": 7,
        "uptime": 3661.0,
        "rss": 5 * 2**20,
        "health": "ok",
        "detail": "",
        "log": Path("/log"),
    }
    return ComponentStatus(**(values | changes))  # type: ignore[arg-type]


def test_status_lists_what_an_operator_asks_for() -> None:
    components = [component("etcd"), component("kubelet@node-0", health="dead", uptime=0.0)]
    lines = status_text("a", True, components).splitlines()
    assert lines[0] == "lab 'a' is up; 10 MB"
    assert lines[2].split() == ["etcd", "7", "1h01m01s", "5", "MB", "ok"]
    assert lines[3].split()[-1] == "dead"


def test_status_of_no_lab_is_a_failure_with_a_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["status", "--name", "nosuch"]) == 1
    assert capsys.readouterr().out == "lab 'nosuch' is not running\n"


def test_kubeconfig_of_no_lab_says_how_to_get_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kubeconfig", "--name", "nosuch"]) == 1
    assert "python -m aicr_lab up" in capsys.readouterr().err


def test_a_bad_name_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "--name", "A_B"]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("aicr_lab: --name 'A_B'")
    assert "Traceback" not in printed


@pytest.mark.parametrize(
    "options",
    [
        LabOptions(),
        LabOptions(nodes=3, gpus=(8, 1), allocation="both", sharing="mps=4", device_ids="index"),
        LabOptions(feature_discovery=False, virtual_node=True, gpu_profile="vgpu", fast=True),
    ],
)
def test_options_are_taken_as_they_are_printed(
    options: LabOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []
    monkeypatch.setattr(startup, "up", lambda _, given, __: taken.append(given))

    assert main(["up", *options.command_line().split()]) == 0
    assert taken == [options]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--gpus", "8,x"], "argument --gpus: '8,x' is no number"),
        (["--allocation", "none"], "argument --allocation: invalid choice: 'none'"),
        (["--device-ids", "name"], "argument --device-ids: invalid choice: 'name'"),
    ],
)
def test_bad_option_is_named(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["up", *words])
    assert said in capsys.readouterr().err


def test_sharing_that_there_is_not_is_refused_with_what_there_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["up", "--allocation", "both", "--sharing", "mps"]) == 1
    printed = capsys.readouterr().err
    assert "--sharing mps: no such sharing" in printed
    assert "mps=N" in printed


def test_asking_leaves_nothing_behind(home: Path) -> None:
    for command in ("status", "kubeconfig", "logs"):
        main([command, "--name", "nosuch"])
    assert not home.exists()


def test_a_failed_component_shows_the_end_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "etcd.log"
    log.write_text("".join(f"line {number}\n" for number in range(5000)))
    error = ComponentFailed("etcd", "died during start", log, hint="do this")
    assert isinstance(error, LabError)
    shown = str(error).splitlines()
    assert shown[0] == "etcd died during start"
    assert shown[-2:] == ["    line 4999", "  do this"]
    assert "line 4980" not in str(error)
    assert last_lines(tmp_path / "absent") == ""


def test_a_kernel_without_inotify_instances_left_is_told_with_the_way_out(tmp_path: Path) -> None:
    log = tmp_path / "kube-proxy.log"
    log.write_text('"command failed" err="fsnotify watcher init: too many open files"\n')

    error = ComponentFailed("kube-proxy@node-0", "died during start", log)

    assert "fs.inotify.max_user_instances" in error.hint
