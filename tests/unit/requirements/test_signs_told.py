"""Which signs of unknown products are seen, and how they are told."""

from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.cluster.kinds import Kind, Object
from aicr_pytest.errors import UnknownSolution
from aicr_pytest.requirements.signs import Sign, Signs, image_name, images_in

from .served_cluster import ServedCluster, pod


def refused(cluster: ServedCluster, *signs: Sign, pinned: str = "", settings: Any = None) -> str:
    """What is said where one of these signs is seen; empty where none is."""
    searched = Signs(what="tool", signs=signs, way_out="Name it.")
    try:
        searched.refuse(cluster, settings, pinned=pinned)  # type: ignore[arg-type]
    except UnknownSolution as error:
        return str(error)
    return ""


def told(seen: str) -> str:
    return f"No tool that is known, and signs of one: {seen}.\n  Name it."


class Asked(ServedCluster):
    """Keeps what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def raw(self, method: str, path: str, **more: object) -> Any:
        self.asked.append("kinds")
        return super().raw(method, path, **more)

    def list(self, kind: Kind, namespace: str | None = None, **chosen: str) -> list[Object]:
        self.asked.append(kind.name)
        return super().list(kind, namespace, **chosen)


@pytest.mark.parametrize(
    ("sign", "asked"),
    [
        (Sign(product="X", options=("tool_url",)), set()),
        (Sign(product="X", kinds=("Thing.*",)), {"kinds"}),
        (Sign(product="X", pods=("tool-*",)), {"Pod"}),
        (Sign(product="X", providers=("cloud:*",)), {"Node"}),
    ],
)
def test_only_what_a_sign_may_be_is_asked_for(sign: Sign, asked: set[str]) -> None:
    cluster = Asked()

    assert refused(cluster, sign) == ""
    assert set(cluster.asked) == asked
    assert refused(cluster, Sign(product="Y"), sign) == ""
    assert set(cluster.asked) == asked


@pytest.mark.parametrize(
    ("pods", "seen"),
    [
        (["a/tool-1"], "X (pod a/tool-1)"),
        (["a/tool-1", "b/tool-2"], "X (pod a/tool-1, pod b/tool-2)"),
        (["a/tool-1", "b/tool-2", "c/tool-3"], "X (pod a/tool-1, pod b/tool-2 and 1 more)"),
        (["a/tool-1", *["b/tool-2"] * 4], "X (pod a/tool-1, pod b/tool-2 and 3 more)"),
    ],
)
def test_two_things_of_a_product_are_named_and_the_others_counted(
    pods: list[str], seen: str
) -> None:
    cluster = ServedCluster(Pod=[pod(one) for one in pods])

    assert refused(cluster, Sign(product="X", pods=("tool-*",))) == told(seen)


@pytest.mark.parametrize(
    ("names", "seen"),
    [
        ("abc", "A (pod ns/a); B (pod ns/b); C (pod ns/c)"),
        ("abcd", "A (pod ns/a); B (pod ns/b); C (pod ns/c) …"),
    ],
)
def test_three_products_are_named(names: str, seen: str) -> None:
    cluster = ServedCluster(Pod=[pod(f"ns/{name}") for name in names])
    signs = [Sign(product=name.upper(), pods=(name,)) for name in names]

    assert refused(cluster, *signs) == told(seen)


def test_first_product_that_something_shows_is_the_one() -> None:
    cluster = ServedCluster(Pod=[pod("ns/tool-of-x", "x:1"), pod("ns/tool", "y:1")])
    known = Sign(product="X", pods=("tool-of-*",))
    any_other = Sign(product="another", pods=("tool*",), but=("tool",))

    assert refused(cluster, known, any_other) == told("X (pod ns/tool-of-x)")
    assert refused(cluster, any_other) == told("another (pod ns/tool-of-x)")


def test_whatever_shows_a_product_is_told_as_what_it_is() -> None:
    nodes: list[Object] = [
        {"metadata": {"name": "n0"}, "spec": {}},
        {"metadata": {"name": "n1"}, "spec": {"providerID": None}},
        {"metadata": {"name": "n2"}, "spec": {"providerID": "cloud://2"}},
    ]
    going = pod("ns/agent-2")
    going["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z"
    cluster = ServedCluster(
        "tools.example/v2 Other Tool",
        Pod=[going, pod("ns/any", "registry.example:5000/x/agent:1@sha256:0")],
        Node=nodes,
    )
    settings = SimpleNamespace(tool_url="http://x", other_url=None)
    sign = Sign(
        product="X",
        options=("other_url", "tool_url"),
        kinds=("Tool.tools.example",),
        pods=("agent*",),
        providers=("cloud:*",),
    )

    assert refused(cluster, sign, settings=settings) == told(
        "X (--aicr-tool-url, Tool of tools.example/v2 and 2 more)"
    )
    for only, seen in (
        (Sign(product="X", pods=("agent*",)), "pod ns/any"),
        (Sign(product="X", providers=("cloud:*",)), "node n2 is cloud://2"),
        (Sign(product="X", providers=("?*",)), "node n2 is cloud://2"),
    ):
        assert refused(cluster, only) == told(f"X ({seen})")


def test_options_of_several_signs_are_told_once_in_their_order() -> None:
    settings = SimpleNamespace(a_url="x", b_url="y")
    signs = [Sign(product="X", options=("b_url", "a_url")), Sign(product="Y", options=("a_url",))]

    said = refused(ServedCluster(), *signs, settings=settings)
    assert said == told("X (--aicr-a-url, --aicr-b-url)")
    assert refused(ServedCluster(), *signs, settings=None) == ""


def test_where_one_adapter_counts_only_its_own_signs_do() -> None:
    cluster = ServedCluster(Pod=[pod("ns/a"), pod("ns/b")])
    signs = [Sign(product="A", pods=("a",), solutions=("x", "y")), Sign(product="B", pods=("b",))]

    assert refused(cluster, *signs, pinned="y") == told("A (pod ns/a)")
    assert refused(cluster, *signs, pinned="z") == ""


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("tool", "tool"),
        ("tool:1", "tool"),
        ("registry.example:5000/team/tool:1.2", "tool"),
        ("registry.example:5000/tool@sha256:ab", "tool"),
        ("registry.example/a/b/tool:1@sha256:ab", "tool"),
    ],
)
def test_name_of_an_image_is_the_last_part_of_its_repository(image: str, name: str) -> None:
    assert image_name(image) == name


def test_images_of_a_pod_are_those_of_its_containers() -> None:
    assert images_in({"spec": {"containers": [{"image": "a"}, {"image": "b"}]}}) == ["a", "b"]
    assert images_in({"spec": {"containers": None}}) == []
    assert images_in({"spec": {}}) == []
