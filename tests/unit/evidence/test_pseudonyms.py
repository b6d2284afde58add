"""A name of the platform has one pseudonym, everywhere and in all processes of a run."""

import pytest

from aicr_pytest.evidence.redaction.platform_names import platform_names
from aicr_pytest.evidence.redaction.pseudonyms import Pseudonyms
from aicr_pytest.evidence.redaction.redact import Redactor

KEY = "0f" * 16


def test_two_processes_of_a_run_agree_and_two_runs_do_not() -> None:
    ours, same = Pseudonyms(KEY), Pseudonyms(KEY)

    assert ours.of("node", "gpu-17") == same.of("node", "gpu-17")
    assert ours.of("node", "gpu-17") != Pseudonyms("f0" * 16).of("node", "gpu-17")


def test_what_one_process_has_learned_another_replaces() -> None:
    first = Pseudonyms(KEY)
    first.learn("node", "gpu-17")

    second = Pseudonyms(KEY, first.learned)

    assert second.apply("pod on gpu-17: ready") == f"pod on {first.of('node', 'gpu-17')}: ready"


def test_the_longest_name_wins_and_names_end_where_words_end() -> None:
    names = Pseudonyms(KEY, [("node", "gpu-1"), ("node", "gpu-17"), ("node", "gpu-17.example.org")])

    told = names.apply("gpu-17.example.org gpu-17 gpu-1 gpu-170 xgpu-1")

    assert told.split() == [
        names.of("node", "gpu-17.example.org"),
        names.of("node", "gpu-17"),
        names.of("node", "gpu-1"),
        "gpu-170",
        "xgpu-1",
    ]


@pytest.mark.parametrize("text", ['"a\\ngpu-17"', "\x1b[32mgpu-17", "etcd-gpu-17", "gpu-17:10250"])
def test_a_name_is_found_in_every_surrounding(text: str) -> None:
    names = Pseudonyms(KEY, [("node", "gpu-17")])

    assert "gpu-17" not in names.apply(text)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "minikube", "gpu", "node-0123abcd", ""])
def test_a_name_that_names_nobody_stays(name: str) -> None:
    names = Pseudonyms(KEY)

    names.learn("node", name)

    assert names.learned == ()


def test_node_that_comes_during_the_run_is_learned_from_its_object() -> None:
    redactor = Redactor(key=KEY)

    redactor.object({"kind": "Node", "metadata": {"name": "fresh-9"}})
    redactor.object({"kind": "Pod", "spec": {"nodeName": "fresh-8"}})

    assert "fresh" not in redactor.publish("fresh-9 fresh-8")
    assert redactor.text("fresh-9") == "fresh-9", "the terminal keeps true names"


@pytest.mark.parametrize(
    ("server", "context", "names"),
    [
        ("https://127.0.0.1:6443", "lab", {("server", "127.0.0.1")}),
        (
            "https://34.1.2.3",
            "gke_acme-prod_europe-west1-b_blue",
            {("server", "34.1.2.3"), ("project", "acme-prod"), ("cluster", "blue")},
        ),
        (
            "https://a.eks.amazonaws.com",
            "arn:aws:eks:eu-west-1:123456789012:cluster/blue",
            {("server", "a.eks.amazonaws.com"), ("account", "123456789012"), ("cluster", "blue")},
        ),
    ],
)
def test_server_and_context_tell_names(
    server: str, context: str, names: set[tuple[str, str]]
) -> None:
    assert set(platform_names(server, context)) == names
