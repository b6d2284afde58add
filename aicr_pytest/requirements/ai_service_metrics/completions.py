"""Requests to an inference service with OpenAI's API, straight to one of its pods."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aicr_pytest.cluster.messages import read_json
from aicr_pytest.cluster.pod_http import Answer, ask_pod
from aicr_pytest.errors import EndpointSilent, ProbeFailed

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster


class Completions:
    """One pod that answers chat completions.

    Raises (all methods):
        ProbeFailed: it does not answer as such a service does, so that nothing can be counted.
    """

    def __init__(
        self,
        cluster: "Cluster",
        namespace: str,
        pod: str,
        port: int,
        model: str,
        *,
        timeout: float,
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._pod = pod
        self._port = port
        self._model = model
        self._timeout = timeout

    def complete(self) -> None:
        """Ask for a single token."""
        message = {"role": "user", "content": "Hello"}
        self.post(
            "/v1/chat/completions",
            {"model": self._model, "messages": [message], "max_tokens": 1},
        )

    def post(self, path: str, body: Mapping[str, object]) -> None:
        """Send JSON, and see that it is accepted."""
        self._ask("POST", path, json.dumps(body).encode())

    def first_model(self) -> str:
        """The first model that it serves; it is the one asked from now on."""
        answer = self._ask("GET", "/v1/models")
        try:
            said: Any = read_json(answer.text)
            self._model = str(said["data"][0]["id"])
        except (ValueError, LookupError, TypeError) as error:
            raise ProbeFailed(
                f"pod {self._namespace}/{self._pod}: GET /v1/models names no model: "
                f"{answer.text[:200]}"
            ) from error
        return self._model

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Answer:
        try:
            answer = ask_pod(
                self._cluster,
                self._pod,
                self._namespace,
                self._port,
                path,
                method=method,
                body=body,
                headers={"Content-Type": "application/json"} if body else {},
                timeout=self._timeout,
            )
        except EndpointSilent as error:
            raise ProbeFailed(f"A request cannot be sent to the service: {error}") from error
        if answer.status != 200:
            where = f"pod {self._namespace}/{self._pod}, port {self._port}"
            said = answer.text[:200]
            raise ProbeFailed(f"{where}: {method} {path} gave HTTP {answer.status}: {said}")
        return answer
