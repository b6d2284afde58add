"""A client that could not report says nothing about the gateway."""

import dataclasses
import json
from typing import Any

import pytest

from aicr_pytest.errors import ProbeFailed
from aicr_pytest.requirements.ai_inference.client import Client, Target

WHERE = Target(address="10.0.0.1", port=80, host="x.test", path="/x")


@dataclasses.dataclass
class Ended:
    """How the client's program ended."""

    stdout: str = ""
    stderr: str = ""
    exit_code: int = 0


class Pod:
    """A pod in which every command ends in one way."""

    def __init__(self, ended: Ended) -> None:
        self.ended = ended
        self.plan: dict[str, Any] = {}

    def __str__(self) -> str:
        return "Pod ns/client"

    def run(self, *words: str, timeout: float) -> Ended:
        self.plan = json.loads(words[-1])
        return self.ended


def client(**ended: Any) -> Client:
    pod: Any = Pod(Ended(**ended))
    return Client(pod)


def test_answers_are_given_as_they_came() -> None:
    answers, _ = client(stdout='[200, "first", "", 1.5]\n').count(WHERE, 1)

    assert [str(answer) for answer in answers] == ["200 by first"]


@pytest.mark.parametrize(
    "ended",
    [
        {"exit_code": 137},
        {"exit_code": 137, "stdout": '[200, "first"'},
        {"exit_code": 127, "stderr": "python3: not found"},
        {"exit_code": 0},
    ],
    ids=["out of memory", "amid its report", "no python", "silent"],
)
def test_client_that_ends_before_it_reports_accuses_nobody(ended: dict[str, Any]) -> None:
    with pytest.raises(ProbeFailed, match="ended with exit code"):
        client(**ended).count(WHERE, 1)
    with pytest.raises(ProbeFailed):
        client(**ended).stream(WHERE)


def test_client_is_told_whether_to_speak_tls() -> None:
    pod: Any = Pod(Ended(stdout='[200, "first", "", 1.5]'))
    secure = dataclasses.replace(WHERE, tls=True)

    Client(pod).count(secure, 1)

    assert pod.plan["tls"] is True
    assert str(secure) == "https://10.0.0.1:80/x (Host: x.test)"


def test_target_is_told_as_a_url() -> None:
    told = str(dataclasses.replace(WHERE, address="fd00::1"))

    assert told == "http://[fd00::1]:80/x (Host: x.test)"
