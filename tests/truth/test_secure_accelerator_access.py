"""Every defect of ``secure_accelerator_access`` is seen, whatever hands out the devices."""

import zlib
from pathlib import Path

import pytest

from aicr_lab.defects.by_requirement.secure_accelerator_access import GRANTED, SIBLING
from aicr_lab.defects.catalogue import defect_named
from aicr_lab.defects.defect import Defect
from aicr_lab.defects.injections.device_path import HOLDERS_FORGOTTEN
from aicr_lab.options import LabOptions

from .conftest import Labs
from .matrix import broken, defects_of, name_of, not_green, trials, try_out
from .suite import REQUIREMENTS, run_suite

LAB = LabOptions(allocation="mixed")
"""Claims on the first node, the device plugin on the second."""

DEFECTS = defects_of("secure_accelerator_access")


def sample_nodes(defect: Defect) -> list[str]:
    """Both nodes where the mechanism matters, for what was granted; else one or the other."""
    if defect.detected_by == GRANTED and defect.expects == "Not Implemented":
        return []
    # By its id, so that each stays where it is when others come.
    either = zlib.crc32(defect.id.encode()) % 2
    node = 0 if defect.injection is HOLDERS_FORGOTTEN else either
    return [f"--aicr-nodes=kubernetes.io/hostname=node-{node}"]


@pytest.mark.parametrize("defect", trials(DEFECTS), ids=name_of)
def test_defect_is_seen(defect: Defect, labs: Labs, tmp_path: Path) -> None:
    assert try_out(labs(LAB), defect, tmp_path, *sample_nodes(defect)) == []


@pytest.mark.thorough
def test_variables_are_a_trap_whatever_image_is_used(labs: Labs, tmp_path: Path) -> None:
    lab, plain = labs(LAB), "--aicr-image=probe=docker.io/library/busybox:1.37"
    with broken(lab, defect_named("env-bypass")) as kubeconfig:
        run = run_suite(kubeconfig, ["secure_accelerator_access"], tmp_path / "run", plain)

    (judged,) = run.requirements
    assert judged.verdict == "Not Implemented", run
    result = run.result(SIBLING)
    assert result is not None
    assert "container sibling asked for nothing and sees /dev/nvidia0" in result.message


def test_lab_that_was_healed_of_everything_is_green(labs: Labs, tmp_path: Path) -> None:
    run = run_suite(labs(LAB).kubeconfig, REQUIREMENTS, tmp_path / "run")

    assert not_green(run) == []
    assert {result.outcome for result in run.results} == {"passed"}
