"""What all gateways on trial share: two backends, and a client that sends requests."""

import functools

from aicr_pytest.cluster.pods import Pod
from aicr_pytest.errors import AicrError, ProbeFailed, WaitFailed, WaitTimeout
from aicr_pytest.requirements.ai_inference.client import Client, Target
from aicr_pytest.requirements.ai_inference.measurement import Meter
from aicr_pytest.workloads.images import tell_images
from aicr_pytest.workloads.workspaces import Workspaces


class Site:
    """Two backends and a client; everything is made when it is first needed."""

    def __init__(self, workspaces: Workspaces) -> None:
        self.workspaces = workspaces
        """The namespaces of the module."""
        self._trouble: AicrError | None = None

    def started(self) -> None:
        """Wait until backends and client have started.

        Raises:
            ProbeFailed: one of them does not, which says nothing about gateways.
        """
        if self._trouble is not None:
            raise self._trouble  # whoever asks next shall not wait as long again
        try:
            for pod in (*self._backends, self._pod):
                _started(pod)
                tell_images(self.workspaces.evidence, pod.object())
        except AicrError as error:
            self._trouble = error
            raise

    @functools.cached_property
    def client(self) -> Client:
        """Who sends requests."""
        return Client(self._pod)

    @functools.cached_property
    def meter(self) -> Meter:
        """Who counts the answers."""
        return Meter(self.client, self.workspaces.at().waiter, lambda: self.workspaces.evidence)

    def direct(self) -> Target:
        """The first backend without a Gateway."""
        at = self._backends[0].object()["status"]["podIP"]
        return Target(address=at, port=8080, host=at, path="")

    @functools.cached_property
    def _backends(self) -> tuple[Pod, ...]:
        place = functools.partial(self.workspaces.place, "ai_inference/backend", image="service")
        return tuple(place(name=name) for name in ("first", "second"))

    @functools.cached_property
    def _pod(self) -> Pod:
        return self.workspaces.place("ai_inference/client", image="service")


def _started(pod: Pod) -> None:
    try:
        pod.ready()
    except (WaitTimeout, WaitFailed) as error:
        raise ProbeFailed(str(error)) from error
