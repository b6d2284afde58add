"""What is kept of devices that containers have: their own, another's, none."""

import json
from pathlib import Path
from typing import Any

from aicr_pytest.accelerators.grants import Grant
from aicr_pytest.accelerators.probe import DeviceNode, OpenAttempt, View
from aicr_pytest.accelerators.sights import Looker, beside, show, show_ways
from tests.unit.reports.gallery import Gallery

HOLDER = Looker(who="holder", node="node-0", source="probe in pod ns/holder")
BYSTANDER = Looker(who="bystander", node="node-0", source="probe in pod ns/bystander")


def view(*minors: int) -> View:
    nodes = tuple(
        DeviceNode(path=f"/dev/nvidia{minor}", major=195, minor=minor, result="opened")
        for minor in minors
    )
    return View(nodes=nodes, tool="", tool_exit=None, listed=(), told=False, screen="")


def words(looker: View) -> list[tuple[str, str, str, str]]:
    return [
        (one.who, one.device, one.expected, one.seen)
        for one in beside(BYSTANDER, looker, HOLDER, view(3))
    ]


def test_who_sees_none_stands_beside_who_sees_its_own() -> None:
    assert words(view()) == [
        ("holder", "/dev/nvidia3 on node-0", "own", "own"),
        ("bystander", "/dev/nvidia3 on node-0", "none", "none"),
    ]


def test_what_should_not_be_there_is_visible_whosever_it_is() -> None:
    assert words(view(3, 5))[1:] == [
        ("bystander", "/dev/nvidia3 on node-0", "none", "visible"),
        ("bystander", "/dev/nvidia5 on node-0", "none", "visible"),
    ]


def test_kernels_words_say_what_they_mean() -> None:
    def told(step: Any, message: str) -> str:
        return OpenAttempt(step=step, message=message).told

    assert told("open", "Operation not permitted").endswith("EPERM: refused by the device cgroup")
    assert "ENXIO: let through" in told("open", "No such device or address")
    assert told("open", "opened") == "open: opened: the device answers"
    assert "let through" in told("open", "Input/output error")
    assert told("mknod", "Operation not permitted").endswith("the node could not even be made")


def test_table_names_all_probes_and_is_drawn_as_a_grid(tmp_path: Path) -> None:
    evidence = Gallery(tmp_path / "out").check("secure_accelerator_access", "test_x")

    show(evidence, beside(BYSTANDER, view(), HOLDER, view(3)))
    show(evidence, [])

    (kept,) = evidence.record.observations
    table = json.loads((tmp_path / "out" / kept.file).read_text("utf-8"))
    assert kept.title == "What holder and bystander have of devices"
    assert kept.source == "probe in pod ns/holder; probe in pod ns/bystander"
    assert table["compare"] == ["expected", "seen"]
    assert table["picture"]["kind"] == "grid"


def test_other_ways_to_devices_are_told_even_where_there_is_none(tmp_path: Path) -> None:
    evidence = Gallery(tmp_path / "out").check("secure_accelerator_access", "test_x")
    grant = Grant(count=1, identities=("GPU-a",), by="ResourceClaim ns/c")
    plain: dict[str, Any] = {"containers": [{"name": "main"}], "volumes": [{"name": "scripts"}]}
    open_to_all = {
        "containers": [{"name": "main", "securityContext": {"privileged": True}}],
        "initContainers": [{"name": "first", "securityContext": {}}],
        "volumes": [{"name": "dev", "hostPath": {"path": "/dev"}}],
        "hostPID": True,
    }

    show_ways(evidence, "n0: pod ns/p", plain, grant)
    show_ways(evidence, "n0: pod ns/q", open_to_all, grant)

    rows = [
        json.loads((tmp_path / "out" / kept.file).read_text("utf-8"))["rows"]
        for kept in evidence.record.observations
    ]
    assert rows == [
        [["ResourceClaim ns/c", "none", "none", "none"]],
        [["ResourceClaim ns/c", "dev", "main", "hostPID"]],
    ]
