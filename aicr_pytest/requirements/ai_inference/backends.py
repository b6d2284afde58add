"""What all gateways on trial share: two backends, and a client that sends requests."""

import functools
from typing import TYPE_CHECKING

from aicr_pytest.cluster.pod_state import images_of
from aicr_pytest.cluster.pods import Pod
from aicr_pytest.errors import ProbeFailed, WaitFailed, WaitTimeout
from aicr_pytest.once import Once
from aicr_pytest.requirements.ai_inference.client import Client, Target
from aicr_pytest.requirements.ai_inference.measurement import Meter
from aicr_pytest.urls import in_url

if TYPE_CHECKING:
    from aicr_pytest.requirements.platform import Platform


class Backends:
    """Two backends and a client; everything is made when it is first needed."""

    def __init__(self, platform: "Platform") -> None:
        self.platform = platform
        """What they are made on."""
        self.started = Once(self._wait_until_started)
        """Waits until backends and client have started; ProbeFailed where one does not."""

    def _wait_until_started(self) -> None:
        for pod in (*self._backends, self._pod):
            _started(pod)
            self.platform.evidence.images(images_of(pod.object()))

    def see_that_they_are_ours(self) -> None:
        """Raise where others have taken one away, or ended it: what was seen tells nothing then.

        Raises:
            Inconclusive: whose doing it is.
        """
        made = vars(self)  # cached properties; none is made for this
        for pod in (*made.get("_backends", ()), *([made["_pod"]] if "_pod" in made else [])):
            pod.see_that_it_is_ours()

    @functools.cached_property
    def client(self) -> Client:
        """Who sends requests."""
        return Client(self._pod)

    @functools.cached_property
    def meter(self) -> Meter:
        """Who counts the answers."""
        return Meter(self.client, self.platform.waiter, lambda: self.platform.evidence)

    def direct(self) -> Target:
        """The first backend without a Gateway."""
        at = self._backends[0].object()["status"]["podIP"]
        return Target(address=at, port=8080, host=in_url(at), path="")

    @functools.cached_property
    def _backends(self) -> tuple[Pod, ...]:
        place = functools.partial(
            self.platform.workspaces.place, "ai_inference/backend", image="service"
        )
        return tuple(place(name=name) for name in ("first", "second"))

    @functools.cached_property
    def _pod(self) -> Pod:
        return self.platform.workspaces.place("ai_inference/client", image="service")


def _started(pod: Pod) -> None:
    try:
        pod.ready()
    except (WaitTimeout, WaitFailed) as error:
        raise ProbeFailed(str(error)) from error
