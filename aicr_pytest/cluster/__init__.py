"""The cluster: client, waits, streams, pods, workspaces, cleaning.

Nothing here imports pytest or evidence. ``kubernetes`` is imported when a connection is made, so
importing these modules costs nothing.
"""

from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import Kind, Object
from aicr_pytest.cluster.messages import Response, RetryPolicy
from aicr_pytest.cluster.observer import Execution, Observer
from aicr_pytest.cluster.pods import Pod
from aicr_pytest.cluster.waiting import Deadlines, Waiter
from aicr_pytest.cluster.workspace import Workspace

__all__ = [
    "Cluster",
    "Deadlines",
    "Execution",
    "Kind",
    "Object",
    "Observer",
    "Pod",
    "Response",
    "RetryPolicy",
    "Waiter",
    "Workspace",
]
