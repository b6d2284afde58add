"""What goes into and comes out of containers: logs, commands, ports."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aicr_pytest.cluster import kinds, streams, websockets
from aicr_pytest.cluster.messages import Request
from aicr_pytest.cluster.observer import Execution

if TYPE_CHECKING:
    # It imports the kubernetes client, for a good second.
    from aicr_pytest.cluster.transport import Transport

_LINE = 16 * 1024
"""Bytes of the longest line of a log; runtimes break what is longer."""


def read_log(
    transport: "Transport", pod: str, namespace: str, *, container: str, tail: int | None
) -> str:
    """What a container has written; see ``Cluster.logs``."""
    most = transport.patience.limits.log
    most = min(most, tail * _LINE) if tail else most
    query = [("container", container)] if container else []
    query += [("tailLines", str(tail))] if tail is not None else []
    query += [("limitBytes", str(most + 1))]  # one more, to see whether there is more
    path = kinds.POD.path(namespace, pod, "log")
    answer = transport.request(
        Request(method="GET", path=path, query=query, accept="*/*", most=most, cut=True)
    )
    return answer.text + (f"\n[cut off by aicr-pytest after {most} bytes]" * answer.cut)


def execute(transport: "Transport", command: streams.Command, *, timeout: float) -> Execution:
    """Run a command in a container; see ``Cluster.exec``."""
    limits = transport.patience.limits
    execution = streams.execute(_dialler(transport), command, timeout=timeout, limits=limits)
    transport.observer.saw(execution)
    return execution


def forward(transport: "Transport", pod: str, namespace: str, port: int) -> streams.Forward:
    """The way to a port of a pod; see ``Cluster.port_forward``."""
    path = kinds.POD.path(namespace, pod, "portforward")
    return streams.Forward(_dialler(transport), path, port)


def _dialler(transport: "Transport") -> streams.Dial:
    def dial(path: str, query: Sequence[tuple[str, str]], protocols: Sequence[str]) -> Any:
        return transport.retry(
            lambda: websockets.dial(
                transport.configuration,
                transport.context,
                transport.observer,
                transport.headers(),
                path,
                query,
                protocols,
            )
        )

    return dial
