"""Which exporter of a node counts, and how long one that does not answer is waited for."""

from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.accelerators.vendors.nvidia import EXPORTER
from aicr_pytest.cluster.observer import Unobserved
from aicr_pytest.cluster.pod_http import Answer
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.errors import InvalidExposition, NoCapacity, ProbeFailed, WaitTimeout
from aicr_pytest.requirements.accelerator_metrics.exporters import Endpoint, Exporters


@pytest.mark.parametrize(("error", "asked"), [(WaitTimeout("silent"), 1), (NoCapacity("full"), 2)])
def test_silence_is_final_and_other_troubles_may_be_over(
    monkeypatch: pytest.MonkeyPatch, error: Exception, asked: int
) -> None:
    seen: list[Endpoint] = []

    def answer(_: Exporters, endpoint: Endpoint) -> Any:
        seen.append(endpoint)
        raise error

    monkeypatch.setattr(Exporters, "_await_answer", answer)
    nothing: Any = None
    exporters = Exporters(nothing, nothing, nothing, nothing)
    endpoint: Any = "ns/exporter:9400"
    for _ in range(2):
        with pytest.raises(type(error)):
            exporters._first(endpoint)
    assert seen == [endpoint] * asked


# -- several on one node ---------------------------------------------------------------------------

WHOLE = """\
DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-a"} 3
DCGM_FI_DEV_GPU_UTIL{gpu="1",UUID="GPU-b"} 3
DCGM_FI_DEV_FB_USED{gpu="0",UUID="GPU-a"} 7
DCGM_FI_DEV_FB_USED{gpu="1",UUID="GPU-b"} 7
"""
PART = "\n".join(line for line in WHOLE.splitlines() if "GPU-a" in line) + "\n"
REST = WHOLE.replace("GPU-a", "GPU-c")
HTML = "<html>busy</html>"


class Kept:
    def __init__(self) -> None:
        self.facts: dict[str, str] = {}

    def cite(self, observation: Any) -> None: ...

    def fact(self, name: str, value: str) -> None:
        self.facts[name] = value


def node_with(
    monkeypatch: pytest.MonkeyPatch, *said: str, unready: tuple[int, ...] = ()
) -> tuple[Exporters, list[str], Kept]:
    """Exporters of one node with two accelerators: what each says, ``""`` never; who was asked."""
    device = SimpleNamespace(identity="GPU-a"), SimpleNamespace(identity="GPU-b")
    node = SimpleNamespace(
        name="node-0",
        ready=True,
        hindrance="",
        devices=device,
        total=2,
        whole_devices=2,
        unit="device",
        beside=(),
        parts=0,
        told_by="ResourceSlices",
        profile=SimpleNamespace(vendor="nvidia", exporter=EXPORTER),
    )
    kept, asked = Kept(), []
    accelerators: Any = SimpleNamespace(stock=[node])
    evidence: Any = kept
    nothing: Any = None
    exporters = Exporters(nothing, nothing, accelerators, lambda: evidence)
    exporters._endpoints = [
        Endpoint(
            pod=str(number), namespace="ns", node="node-0", port=1, ready=number not in unready
        )
        for number in range(len(said))
    ]

    def answer(_: Exporters, endpoint: Endpoint) -> Any:
        asked.append(endpoint.pod)
        if not (text := said[int(endpoint.pod)]):
            raise WaitTimeout(f"pod {endpoint} ends again and again")
        headers = {"content-type": "text/plain"}
        return Answer(status=200, headers=headers, text=text, source="")

    monkeypatch.setattr(Exporters, "_await_answer", lambda *args: (answer(*args), None))
    monkeypatch.setattr(Exporters, "_ask", answer)
    return exporters, asked, kept


@pytest.mark.parametrize(
    ("said", "unready", "asked"),
    [
        (("", WHOLE), (0,), ["1"]),  # one that ends again and again is not waited for
        (("", WHOLE), (), ["0", "1"]),
        ((HTML, WHOLE), (), ["0", "1"]),
        ((PART, WHOLE), (), ["0", "1"]),
        ((WHOLE, HTML), (), ["0"]),
    ],
)
def test_one_exporter_that_is_whole_is_enough(
    monkeypatch: pytest.MonkeyPatch, said: tuple[str, ...], unready: tuple[int, ...], asked: Any
) -> None:
    exporters, seen, kept = node_with(monkeypatch, *said, unready=unready)

    (exposed,) = exporters.exposed("node-0")
    (now,) = exporters.exposed_now("node-0")

    assert exposed.exposition.samples == now.exposition.samples
    assert len(exposed.exposition.samples) == 4
    assert seen == [*asked, exposed.pod[-1]]
    assert kept.facts == {"exporter of node-0": f"{exposed.pod}, one of 2"}
    assert exporters.invalid() == []


def test_under_load_the_exporter_in_use_is_looked_for_where_nobody_has_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exporters, seen, _ = node_with(monkeypatch, PART, WHOLE)

    (now,) = exporters.exposed_now("node-0")
    assert (now.pod, seen) == ("ns/1", ["0", "1", "1"])


def test_exporters_of_which_none_is_whole_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    exporters, _, kept = node_with(monkeypatch, PART, REST)

    assert [one.pod for one in exporters.exposed("node-0")] == ["ns/0", "ns/1"]
    assert len(exporters.exposed_now("node-0")) == 2
    assert kept.facts == {}


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (("",), WaitTimeout),
        ((HTML,), InvalidExposition),
        ((PART, ""), WaitTimeout),
        ((PART, HTML), InvalidExposition),
        ((HTML, ""), InvalidExposition),
    ],
)
def test_where_none_is_whole_what_is_wrong_is_told(
    monkeypatch: pytest.MonkeyPatch, said: tuple[str, ...], error: type[Exception]
) -> None:
    exporters, _, _ = node_with(monkeypatch, *said)

    with pytest.raises(error):
        exporters.exposed("node-0")


@pytest.mark.parametrize(
    ("status", "text", "words"),
    [
        (401, "Unauthorized", "answers HTTP 401 to whoever brings no credentials"),
        (403, "Forbidden", "answers HTTP 403"),
        (400, "Client sent an HTTP request to an HTTPS server.\n", "speaks TLS only"),
    ],
)
def test_exporter_that_lets_only_others_in_accuses_nobody(
    monkeypatch: pytest.MonkeyPatch, status: int, text: str, words: str
) -> None:
    exporters, _, _ = node_with(monkeypatch, PART)
    monkeypatch.undo()
    answer = Answer(status=status, headers={}, text=text, source="")
    monkeypatch.setattr(Exporters, "_ask", lambda *_: answer)
    monkeypatch.setattr(Exporters, "_await_ready", lambda *_: None)
    cluster: Any = SimpleNamespace(observer=Unobserved())
    exporters._waiter = Waiter(cluster, scale=0.0)

    with pytest.raises(ProbeFailed, match=f"is guarded: .*{words}"):
        exporters.exposed("node-0")
    with pytest.raises(ProbeFailed):
        exporters.invalid()


@pytest.mark.parametrize("status", [200, 404, 500, 503])
def test_exporter_that_serves_nobody_is_still_accused(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    exporters, _, _ = node_with(monkeypatch, PART)
    monkeypatch.undo()
    answer = Answer(status=status, headers={}, text="", source="")
    monkeypatch.setattr(Exporters, "_ask", lambda *_: answer)
    monkeypatch.setattr(Exporters, "_await_ready", lambda *_: None)
    cluster: Any = SimpleNamespace(observer=Unobserved())
    exporters._waiter = Waiter(cluster, scale=0.0)

    with pytest.raises(WaitTimeout):
        exporters.exposed("node-0")


def test_what_is_found_on_one_node_is_told_where_another_lets_nobody_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exporters, _, _ = node_with(monkeypatch, PART)
    nodes: Any = [SimpleNamespace(name="shut"), SimpleNamespace(name="open")]
    monkeypatch.setattr(Exporters, "nodes", lambda _: nodes)

    def look(node: Any) -> list[str]:
        if node.name == "shut":
            raise ProbeFailed("it is guarded")
        return ["open: no series"]

    assert exporters.gather(look) == ["open: no series"]
    with pytest.raises(ProbeFailed, match="it is guarded"):
        exporters.gather(lambda node: look(node)[1:])


def test_one_exporter_alone_is_judged_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    exporters, _, kept = node_with(monkeypatch, PART)

    assert len(exporters.exposed("node-0")) == 1
    assert kept.facts == {}
