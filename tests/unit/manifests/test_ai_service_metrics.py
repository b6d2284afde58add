"""The sample service: what it counts is what it was sent."""

import json
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from aicr_pytest.urls import in_url

from .programs import LOOPBACKS, served


@pytest.fixture
def service() -> Iterator[str]:
    with served("ai_service_metrics/service.py", MODEL="m", HOLD_SECONDS="30") as port:
        yield f"http://127.0.0.1:{port}"


def ask(url: str, body: object = None) -> str:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data), timeout=10) as answer:
        text: str = answer.read().decode()
        return text


def samples(service: str) -> dict[str, float]:
    """Name of a series, with its bucket → value."""
    found = {}
    for family in text_string_to_metric_families(ask(f"{service}/metrics")):
        for sample in family.samples:
            assert sample.labels["model_name"] == "m"
            found[sample.name + sample.labels.get("le", "")] = sample.value
    return found


CHAT = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


def test_each_request_is_counted_and_observed_once(service: str) -> None:
    for _ in range(3):
        answer = json.loads(ask(f"{service}/v1/chat/completions", CHAT))
        assert answer["choices"][0]["message"]["content"] == "."

    seen = samples(service)

    assert seen["vllm:request_success_total"] == 3
    assert seen["vllm:e2e_request_latency_seconds_count"] == 3
    assert seen["vllm:e2e_request_latency_seconds_bucket+Inf"] == 3
    assert seen["vllm:num_requests_waiting"] == 0


def test_requests_wait_while_the_gate_is_closed(service: str) -> None:
    def waiting() -> float:
        return samples(service)["vllm:num_requests_waiting"]

    ask(f"{service}/gate", {"open": False})
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(ask, f"{service}/v1/chat/completions", CHAT) for _ in range(4)]
        while waiting() < 4:
            assert not any(one.done() for one in asked)
        ask(f"{service}/gate", {"open": True})
        for one in asked:
            one.result()

    assert waiting() == 0


def test_a_streamed_answer_ends_as_openais_does(service: str) -> None:
    events = ask(f"{service}/v1/chat/completions", {**CHAT, "stream": True}).split("\n\n")

    first: dict[str, Any] = json.loads(events[0].removeprefix("data: "))
    assert first["choices"][0]["delta"]["content"] == "."
    assert events[2:] == ["data: [DONE]", ""]


@pytest.mark.parametrize("loopback", LOOPBACKS)
def test_service_is_reached_by_addresses_of_each_kind(service: str, loopback: str) -> None:
    at = service.replace("127.0.0.1", in_url(loopback))

    assert ask(f"{at}/health") == "ok\n"
