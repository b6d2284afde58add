"""Of objects that are not this run's only what a proof needs is kept; the run's own stay whole."""

import copy
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from aicr_pytest.accelerators.nodes import POOL_LABELS
from aicr_pytest.cluster.labels import labelled, run_labels
from aicr_pytest.cluster.names import namespace_name
from aicr_pytest.evidence.foreign import (
    LEFT_OUT,
    Tree,
    below,
    key_of,
    paths_of,
    reduce_foreign,
    reduce_object,
    spelled_out,
    tree_of,
)
from aicr_pytest.evidence.kept_fields import KEPT, is_known
from aicr_pytest.evidence.redaction.redact import Redactor
from aicr_pytest.evidence.store import EvidenceStore
from tests.unit.evidence.foreign_objects import FOREIGN, PLANTED, metadata, planted

RUN = "20261124-042422-30ad"
EXAMPLE = Path(__file__).parents[3] / "reports" / "lab"
OPERATORS_KINDS = {"RayCluster", "JobSet", "TrainJob", "InferenceService"}
"""Custom resources, which the suite creates itself; of others' the conditions are enough."""


def leaves(value: Any, path: str = "") -> Iterator[str]:
    """Every value of an object as ``path=value``."""
    if isinstance(value, dict):
        for name, field in value.items():
            yield from leaves(field, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}[{index}]")
    else:
        yield f"{path}={value}"


@pytest.mark.parametrize("what", FOREIGN)
def test_foreign_object_keeps_what_the_proof_needs_and_nothing_that_was_planted(what: str) -> None:
    obj, needed = FOREIGN[what]

    kept = reduce_foreign(copy.deepcopy(obj), RUN)

    assert PLANTED not in json.dumps(kept)
    assert set(needed) <= set(leaves(kept))
    assert (kept["apiVersion"], kept["kind"]) == (obj["apiVersion"], obj["kind"])
    assert kept[LEFT_OUT]
    if "metadata" in obj:
        for field in ("name", "uid", "generation", "creationTimestamp"):
            assert kept["metadata"][field] == obj["metadata"][field]
        assert kept["metadata"]["ownerReferences"][0]["name"] == "owner"
    if conditions := obj.get("status", {}).get("conditions"):
        told = {name: value for name, value in conditions[0].items() if name != "details"}
        assert kept["status"]["conditions"] == [told]


@pytest.mark.parametrize("what", FOREIGN)
def test_nothing_planted_reaches_a_file_wherever_the_object_stands(
    what: str, tmp_path: Path
) -> None:
    store = EvidenceStore.open(tmp_path, RUN, Redactor())
    check = store.begin("dra_support", "test_x", title="t", proves="p", basis="text")
    obj, _ = FOREIGN[what]

    check.yaml("Alone", obj, source="GET")
    check.json("In a list", [obj, [obj]], source="GET")
    check.yaml("In a map", {"items": [obj], "also": {"one": obj}}, source="GET")
    items = [{k: v for k, v in obj.items() if k not in ("apiVersion", "kind")}]
    listing = {"apiVersion": obj["apiVersion"], "kind": f"{obj['kind']}List", "items": items}
    check.json("As a list of the API server", listing, source="GET")

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 6
    assert not [path for path in files if PLANTED.encode() in path.read_bytes()]


def filled(tree: Tree, rng: random.Random) -> Any:
    """Something that has a value at the end of every path, and more beside them."""
    if "[]" in tree:
        return [filled(tree["[]"], rng), filled(tree["[]"], rng)]
    names = tree.keys() - {"", "[]"}
    if not names:
        return "kept"
    found: dict[str, Any] = {}
    for name in names:
        known = {"*": "anything", "@label": "app", "@annotation": "kwok.x-k8s.io/node"}
        found[known.get(name, "pod" if name == "@series" else name)] = filled(tree[name], rng)
    return found


def strewn(value: Any, tree: Tree, rng: random.Random) -> Any:
    """A value with nested things at paths that are not kept, at every level."""
    if isinstance(value, list):
        return [strewn(item, tree["[]"], rng) for item in value]
    if not isinstance(value, dict):
        return value
    grown = {name: strewn(field, below(tree, name) or {}, rng) for name, field in value.items()}
    if "*" not in tree:
        grown[f"x{rng.randrange(10**6)}"] = junk(rng, 4)
    return dict(rng.sample(sorted(grown.items()), len(grown)))


def junk(rng: random.Random, levels: int) -> Any:
    """Anything, with something planted in it."""
    if levels == 0 or rng.random() < 0.2:
        return planted(str(rng.randrange(10**6)))
    if rng.random() < 0.5:
        return [junk(rng, levels - 1) for _ in range(rng.randrange(1, 4))]
    names = ("spec", "metadata", "name", "status", "items", "conditions", "value", "a.b/c")
    return {rng.choice(names): junk(rng, levels - 1) for _ in range(rng.randrange(1, 4))}


def of_kind(key: str) -> dict[str, Any]:
    """The least of an object that the table knows under a key."""
    kind, _, alone = key.partition(" ")
    group, _, name = kind.rpartition("/")
    namespace, _, named = alone.partition("/")
    obj: dict[str, Any] = {"apiVersion": f"{group}/v1" if group else "v1", "kind": name}
    return {**obj, "metadata": {"namespace": namespace, "name": named}} if alone else obj


@pytest.mark.parametrize("key", KEPT)
def test_whatever_stands_at_other_paths_is_left_out_and_what_is_listed_stays(key: str) -> None:
    own = of_kind(key)
    tree = tree_of(paths_of(own))
    for seed in range(10):
        rng = random.Random(f"{key} {seed}")
        wanted = filled(tree, rng)
        wanted["metadata"].update(own.get("metadata", {}))
        wanted = {**wanted, "apiVersion": own["apiVersion"], "kind": own["kind"]}

        kept = reduce_object(strewn(wanted, tree, rng))

        assert kept.pop(LEFT_OUT)
        assert PLANTED not in json.dumps(kept)
        assert sorted(leaves(kept)) == sorted(leaves(wanted))


@pytest.mark.parametrize("key", KEPT)
def test_list_or_map_at_the_end_of_a_path_is_no_value(key: str) -> None:
    own = of_kind(key)
    obj = filled(tree_of(paths_of(own)), random.Random(key))
    stuffed = json.loads(json.dumps(obj).replace('"kept"', json.dumps({"a": [planted("x")]})))

    assert PLANTED not in json.dumps(reduce_foreign({**stuffed, **own}, RUN))


# -- whose it is -------------------------------------------------------------------------------


def ours(name: str, namespace: str | None) -> dict[str, Any]:
    where = {"namespace": namespace} if namespace else {}
    obj: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "annotations": {"a": "b"}, **where},
        "spec": {"containers": [{"name": "x", "env": [{"name": "A", "value": "b"}]}]},
    }
    return labelled(obj, run_labels(RUN))


@pytest.mark.parametrize(
    ("name", "namespace"),
    [
        ("probe", namespace_name(RUN, "tests.conformance.test_dra_support", "cd45")),
        (f"aicr-{RUN}", None),
        (f"aicr-{RUN}-deviceclass", None),
        (namespace_name(RUN, "test_x", "0000"), None),
    ],
)
def test_object_of_the_run_is_kept_whole(name: str, namespace: str | None) -> None:
    obj = ours(name, namespace)

    assert reduce_foreign([obj], RUN) == [obj]


@pytest.mark.parametrize(
    ("name", "namespace"),
    [
        ("copied", "prod"),
        ("copied", "kube-system"),
        ("copied", "aicr-422-30a"),
        ("copied", "aicr-other-run"),
        ("gpu.nvidia.com", None),
        ("aicr-422-30adx", None),
    ],
)
def test_labels_alone_make_nothing_ours(name: str, namespace: str | None) -> None:
    kept = reduce_foreign(ours(name, namespace), RUN)

    assert kept[LEFT_OUT] == "metadata.annotations, spec.containers[].env"


def test_object_of_another_run_is_foreign() -> None:
    namespace = namespace_name(RUN, "test_x", "cd45")

    assert LEFT_OUT in reduce_foreign(ours("probe", namespace), "20261125-000000-30ad")


def test_what_others_put_into_our_namespace_is_foreign() -> None:
    obj, _ = FOREIGN["Workload of Kueue"]
    obj = {
        **obj,
        "metadata": metadata(name="gang", namespace=namespace_name(RUN, "test_gang", "cd45")),
    }

    assert PLANTED not in json.dumps(reduce_foreign(obj, RUN))


# -- shapes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [None, 3, "text", ["ResourceClaim", "DeviceClass"], {"before": 1, "kind": "x"}, {}, [], [{}]],
)
def test_what_is_no_object_of_kubernetes_stays_as_it_is(value: Any) -> None:
    assert reduce_foreign(value, RUN) == value


@pytest.mark.parametrize(
    "value",
    [
        {"apiVersion": "v1", "kind": "Pod", "metadata": [planted("a")], "spec": planted("b")},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": [planted("a")]}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": {"x": planted("a")}}},
        {"apiVersion": 3, "kind": ["Pod"], "metadata": {"x": planted("a")}},
        {"apiVersion": "v1", "kind": "PodList", "items": planted("a")},
        {"apiVersion": "v1", "kind": "PodList", "items": [{"spec": {"x": planted("a")}}, 3]},
        {"apiVersion": "v1", "kind": "List", "items": [{"metadata": {"x": planted("a")}}]},
        {"metadata": {"labels": {"x": planted("a")}}, "spec": {planted("b"): planted("c")}},
        {"metadata": {}, planted("key of ours"): 1, 7: planted("a")},
        {"apiVersion": "v1", "kind": "Pod", LEFT_OUT: planted("a")},
        {"apiVersion": "v1", "kind": "Pod", "status": {"conditions": {"x": planted("a")}}},
        {"apiVersion": "v1", "kind": "Pod", "spec": {"*": planted("a"), "@label": planted("b")}},
        {"apiVersion": "v1", "kind": "Node", "status": {"capacity": {"": {"": planted("a")}}}},
    ],
)
def test_object_of_the_wrong_shape_loses_what_cannot_be_told(value: Any) -> None:
    assert PLANTED not in json.dumps(reduce_foreign(value, RUN))


def test_nesting_without_end_is_no_trouble(tmp_path: Path) -> None:
    deep: Any = {"apiVersion": "v1", "kind": "Secret", "data": {"x": planted("a")}}
    for _ in range(100_000):
        deep = [deep]
    store = EvidenceStore.open(tmp_path, RUN, Redactor())
    check = store.begin("dra_support", "test_x", title="t", proves="p", basis="text")

    seen = check.json("Deep", deep, source="GET")

    assert PLANTED not in (tmp_path / seen.file).read_text()


def test_objects_are_not_changed() -> None:
    before = copy.deepcopy(FOREIGN)

    for obj, _ in FOREIGN.values():
        reduce_foreign(obj, RUN)

    assert before == FOREIGN


def test_keys_of_a_map_are_counted_not_told() -> None:
    kept = reduce_foreign(FOREIGN["Service"][0], RUN)

    assert kept[LEFT_OUT] == (
        "metadata.{labels (1 of 2),annotations}, spec.{selector (1 of 2),externalName}"
    )


def test_many_paths_are_counted() -> None:
    obj = {"metadata": {}, **{f"field{index}": 1 for index in range(100)}}

    assert reduce_foreign(obj, RUN)[LEFT_OUT].endswith(",field59} and 40 more")


# -- the table -----------------------------------------------------------------------------------


def documents() -> Iterator[tuple[str, Any]]:
    """Every object of the example run, by its file."""
    for path in sorted([*EXAMPLE.rglob("*.yaml"), *EXAMPLE.rglob("0*.json")]):
        for document in yaml.safe_load_all(path.read_text()):
            for obj in document.get("items", [document]) if isinstance(document, dict) else ():
                if isinstance(obj, dict) and {"apiVersion", "kind"} <= obj.keys():
                    yield str(path.relative_to(EXAMPLE)), obj


def test_each_kind_that_the_suite_keeps_has_an_entry() -> None:
    kept = {obj["kind"]: key_of(obj) for _, obj in documents()}

    assert len(kept) >= 12
    assert {kind for kind, key in kept.items() if key not in KEPT} <= OPERATORS_KINDS


def test_no_kind_of_the_example_is_reduced_to_nothing() -> None:
    beside = {"apiVersion", "kind", "metadata", LEFT_OUT}
    for file, obj in documents():
        kept = reduce_foreign(obj, "another-run")

        assert kept["metadata"]["name"] == obj["metadata"]["name"], file
        if obj["kind"] not in OPERATORS_KINDS:
            assert kept.keys() - beside == obj.keys() - beside, file


def test_labels_by_which_pools_of_nodes_are_told_are_kept() -> None:
    assert all(is_known("@label", label) for label in POOL_LABELS)


def test_every_path_of_the_table_can_be_read() -> None:
    for paths in KEPT.values():
        for path in (one for compact in paths for one in spelled_out(compact)):
            assert re.fullmatch(r"[A-Za-z@*]+(\[\])*(\.[A-Za-z@*]+(\[\])*)*", path), path


def test_no_path_keeps_what_is_never_kept() -> None:
    never = {"env", "args", "command", "annotations", "volumes", "caBundle", "url", "parameters"}
    allowed = {"Node", "karpenter.sh/NodeClaim"}
    for kind, paths in KEPT.items():
        for path in (one for compact in paths for one in spelled_out(compact)):
            found = never.intersection(path.replace("[]", "").split("."))
            assert not found or (found == {"annotations"} and kind in allowed), f"{kind}: {path}"
