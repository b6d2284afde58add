from pathlib import Path

import pytest

from aicr_lab.addons import catalogue, manifests
from aicr_lab.errors import LabError
from aicr_lab.options import LabOptions


def test_names_of_addons_are_unique_and_what_they_need_exists() -> None:
    names = catalogue.names()
    assert len(names) == len(set(names))
    assert all(set(addon.needs) <= set(names) for addon in catalogue.ADDONS)


def test_every_artifact_is_made_by_one_description() -> None:
    described = {artifact.name: artifact for a in catalogue.ADDONS for artifact in a.artifacts}
    for addon in catalogue.ADDONS:
        for artifact in addon.artifacts:
            assert artifact == described[artifact.name]


def test_core_is_nothing_and_all_leaves_second_solutions_out() -> None:
    assert catalogue.parse("core") == ()
    wanted = {addon.name for addon in catalogue.ADDONS if addon.in_all}
    needed = {need for addon in catalogue.ADDONS if addon.in_all for need in addon.needs}
    assert set(catalogue.parse("all")) == wanted | needed


def test_an_addon_brings_what_it_needs_in_the_order_of_the_list() -> None:
    parsed = catalogue.parse(" prometheus-adapter,loadbalancer,")
    assert set(parsed) == {
        "loadbalancer",
        "prometheus-operator",
        "prometheus",
        "prometheus-adapter",
    }
    assert list(parsed) == [name for name in catalogue.names() if name in parsed]


def test_an_unknown_addon_is_refused_with_the_ones_there_are() -> None:
    with pytest.raises(LabError, match="nosuch") as refused:
        catalogue.parse("nosuch")
    assert "prometheus-adapter" in str(refused.value)


def test_addons_are_part_of_a_labs_record_and_of_its_command_line() -> None:
    options = LabOptions(addons=("loadbalancer", "python"), fast=True)
    assert LabOptions.from_json({"addons": ["loadbalancer", "python"], "fast": True}) == options
    assert options.command_line().endswith("--addons loadbalancer,python --fast")
    assert LabOptions().command_line().endswith("--addons core")


def test_lists_are_taken_apart_and_a_bare_equals_sign_is_text(tmp_path: Path) -> None:
    file = tmp_path / "some.yaml"
    file.write_text(
        "---\n---\nkind: List\nitems: [{kind: A}, {kind: B}]\n---\nkind: C\nenum: [=, '!=']\n"
    )
    read = manifests.documents(file)
    assert [each["kind"] for each in read] == ["A", "B", "C"]
    assert read[2]["enum"] == ["=", "!="]


def test_a_patch_merges_maps_removes_nulls_and_leaves_the_original() -> None:
    original = {"spec": {"a": 1, "b": {"c": 2}}, "kind": "X"}
    changed = manifests.patched(original, {"spec": {"a": None, "b": {"d": 3}, "e": [1]}})
    assert changed == {"spec": {"b": {"c": 2, "d": 3}, "e": [1]}, "kind": "X"}
    assert original == {"spec": {"a": 1, "b": {"c": 2}}, "kind": "X"}


def test_a_crd_loses_its_prose_and_keeps_a_property_of_that_name() -> None:
    schema = {"description": "long", "properties": {"description": {"type": "string"}}}
    crd = {"kind": "X", "spec": {"versions": [{"name": "v1", "schema": schema}]}}
    version = manifests.without_descriptions(crd)["spec"]["versions"][0]
    assert version["schema"] == {"properties": {"description": {"type": "string"}}}


def _deployment() -> dict[str, object]:
    containers = [{"name": "a", "image": "x:1", "args": ["--one=1", "--two"]}, {"name": "b"}]
    return {"kind": "Deployment", "spec": {"template": {"spec": {"containers": containers}}}}


def test_an_image_is_replaced_in_one_container_or_in_all() -> None:
    one = manifests.containers(manifests.with_image(_deployment(), "y:2", container="a"))
    assert [each.get("image") for each in one] == ["y:2", None]
    every = manifests.containers(manifests.with_image(_deployment(), "y:2"))
    assert {(each["image"], each["imagePullPolicy"]) for each in every} == {("y:2", "IfNotPresent")}


def test_an_argument_replaces_one_of_the_same_flag() -> None:
    changed = manifests.with_args(_deployment(), "a", "--one=2", "--three")
    assert manifests.containers(changed)[0]["args"] == ["--two", "--one=2", "--three"]
