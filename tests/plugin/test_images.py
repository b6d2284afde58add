"""`aicr-pytest images`: what a run may pull, and how it gets into a mirror."""

import json
import re

import pytest

from aicr_pytest.accelerators.vendors import PROFILES
from aicr_pytest.choices import IMAGE_NAMES
from aicr_pytest.cli.main import main
from aicr_pytest.locations import manifests_dir
from aicr_pytest.requirements.catalogue import BY_ID, NOT_AUTOMATED
from aicr_pytest.workloads.images import USED_BY, default_images, reference


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["images", *words]) == 0
    return capsys.readouterr().out


def test_every_image_of_every_vendor_is_told_without_a_cluster(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere")

    listed = json.loads(told(capsys, "--json"))

    expected = {ref for profile in PROFILES for ref in default_images(profile).values() if ref}
    assert {one["reference"] for one in listed} == expected
    users = {name.split()[0] for one in listed for name in one["used_by"]}
    assert users == BY_ID.keys() - NOT_AUTOMATED.keys()


def test_what_a_requirement_runs_is_what_its_manifests_say() -> None:
    loading = {
        path.parent.name
        for path in manifests_dir().glob("*/*.yaml")
        if "${load_image}" in path.read_text()
    }

    assert loading <= {*USED_BY["load"]}
    assert USED_BY.keys() == IMAGE_NAMES.keys()


@pytest.mark.parametrize("tool", ["crane", "skopeo"])
def test_mirror_is_where_a_run_with_aicr_registry_looks(
    capsys: pytest.CaptureFixture[str], tool: str
) -> None:
    registry = "registry.example:5000/aicr"

    *copies, then = told(capsys, "--mirror", registry, "--tool", tool).splitlines()

    looked_for = {
        reference(name, replaced={}, registry=registry, profile=profile)
        for profile in PROFILES
        for name, image in default_images(profile).items()
        if image
    }
    assert {re.sub("^docker://", "", line.split()[-1]) for line in copies} == looked_for
    assert then == f"# then: aicr-pytest run --aicr-registry {registry}"


def test_options_that_name_images_are_heeded(capsys: pytest.CaptureFixture[str]) -> None:
    said = told(capsys, "--aicr-image", "probe=mine.example/p:1", "--aicr-registry", "m.example")

    assert "probe: mine.example/p:1\n" in said
    assert "ray: m.example/rayproject/ray:" in said


def test_mirror_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["images", "--mirror", "https://m.example"])

    assert ended.value.code == 4
    assert "--mirror: 'https://m.example' is not valid" in capsys.readouterr().err
