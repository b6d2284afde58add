"""How NVIDIA's device plugin is called on a node, and what labels say of what it hands out."""

import json
import subprocess
from pathlib import Path

import pytest

from aicr_lab.accelerators import device_plugin
from aicr_lab.accelerators import node as accelerators
from aicr_lab.accelerators.profiles import PROFILES, gpus_of
from aicr_lab.accelerators.state_file import describe
from aicr_lab.options import LabOptions, Sharing
from tests.unit.lab.test_node import node

HOOK = Path("/hook")


@pytest.fixture(autouse=True)
def built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_plugin, "locate", lambda *_: Path("/plugin"))
    monkeypatch.setattr(accelerators, "locate", lambda *_: Path("/driver"))


def plugin(**options: str) -> list[str]:
    made = LabOptions(allocation="device-plugin", **options)  # type: ignore[arg-type]
    return device_plugin.argv(node(0), made, HOOK)


def test_whole_devices_need_no_configuration() -> None:
    assert not [word for word in plugin() if word.startswith(("--config-file", "--mps-root"))]
    assert "--device-id-strategy=index" in plugin(device_ids="index")


@pytest.mark.parametrize(
    ("text", "key", "resource"),
    [
        ("time-slicing=4", "timeSlicing", "nvidia.com/gpu"),
        ("time-slicing=4,renamed", "timeSlicing", "nvidia.com/gpu.shared"),
        ("mps=4", "mps", "nvidia.com/gpu"),
    ],
)
def test_sharing_is_the_plugins_own_configuration(
    tmp_path: Path, text: str, key: str, resource: str
) -> None:
    shared, own = Sharing.parse(text), node(0, tmp_path)
    own.dir.mkdir()
    device_plugin.prepare(own, shared)
    made = LabOptions(allocation="both", sharing=text)
    argv = device_plugin.argv(own, made, HOOK)

    named = next(word.partition("=")[2] for word in argv if word.startswith("--config-file="))
    told = json.loads(Path(named).read_text())["sharing"][key]
    assert told["resources"] == [{"name": "nvidia.com/gpu", "replicas": 4}]
    assert told["renameByDefault"] is shared.renamed
    assert shared.resource == resource
    assert (own.dir / "mps" / resource / "pipe").is_dir()


def test_stand_in_of_mps_says_that_the_daemon_is_well(tmp_path: Path) -> None:
    own = node(0, tmp_path)
    own.dir.mkdir()
    device_plugin.prepare(own, Sharing.parse("mps=4"))

    ran = subprocess.run(
        ["nvidia-cuda-mps-control"],
        env=device_plugin.environment(own),
        input="get_default_active_thread_percentage",
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ran.returncode, ran.stdout) == (0, "100.0\n")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (LabOptions(), {"count": "8", "product": "NVIDIA-H100-80GB-HBM3"}),
        (LabOptions(gpus=(1, 8)), {"count": "1"}),
        (
            LabOptions(allocation="both", sharing="mps=4"),
            {
                "count": "8",
                "replicas": "4",
                "sharing-strategy": "mps",
                "product": "NVIDIA-H100-80GB-HBM3-SHARED",
            },
        ),
        (
            LabOptions(allocation="both", sharing="time-slicing=2,renamed"),
            {"replicas": "2", "product": "NVIDIA-H100-80GB-HBM3"},
        ),
        # The first node of a mixed lab has claims alone, and nothing shared.
        (LabOptions(allocation="mixed", sharing="time-slicing=2"), {"count": "8"}),
    ],
)
def test_labels_are_those_of_feature_discovery(
    options: LabOptions, expected: dict[str, str]
) -> None:
    labels = accelerators.labels(node(0), options)

    told = {name.removeprefix("nvidia.com/gpu."): value for name, value in labels.items()}
    assert told | expected == told
    assert ("replicas" in told) is ("replicas" in expected)


@pytest.mark.parametrize("options", [LabOptions(feature_discovery=False), LabOptions(gpus=0)])
def test_nodes_without_devices_or_discovery_have_no_labels(options: LabOptions) -> None:
    assert accelerators.labels(node(0), options) == {}


def test_both_mechanisms_are_programs_beside_each_other() -> None:
    started = accelerators.allocators(node(0), LabOptions(allocation="both"))

    assert [one.name for one in started] == [
        "gpu-kubelet-plugin@node-0",
        "nvidia-device-plugin@node-0",
    ]


def test_only_virtual_devices_are_guests() -> None:
    gpus = gpus_of("node-0", 1)

    guests = {name for name, one in PROFILES.items() if "guest" in describe(one, gpus)["profile"]}
    assert guests == {"vgpu"}
