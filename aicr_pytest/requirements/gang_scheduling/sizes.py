"""Where the experiments with gangs take place, and how large the gangs are."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aicr_pytest.accelerators.inventory import AcceleratorNode
from aicr_pytest.errors import NoCapacity

if TYPE_CHECKING:
    from aicr_pytest.accelerators.discovery import Accelerators
    from aicr_pytest.cluster.waiting import Waiter
    from aicr_pytest.workloads.reservations import Exclusive
    from aicr_pytest.workloads.workspaces import Workspaces


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How many members and how much room, out of what a node has free."""

    size: int
    """Members of the gang that finds too little room."""
    room: int
    """Accelerators that it finds; one more would do."""
    rivals_room: int
    """Accelerators for which two gangs compete, each of which needs more than half."""
    single: bool
    """Whether there is one accelerator at all: a gang is then one member with and one without."""

    @classmethod
    def out_of(cls, free: int) -> "Sizes":
        """The sizes for so many free accelerators.

        Raises:
            NoCapacity: there is none.
        """
        if free < 1:
            raise NoCapacity("A gang needs an accelerator, and none is free.")
        size = min(3, max(2, free))
        return cls(
            size=size,
            room=0 if free == 1 else size - 1,
            rivals_room=min(2, free),
            single=free == 1,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where the experiments take place."""

    node: AcceleratorNode
    """Whose accelerators are ours alone, as far as our own checks go."""
    accelerators: "Accelerators"
    workspaces: "Workspaces"
    waiter: "Waiter"
    queue: str | None
    """The user's queue of the whole cluster."""
    run_id: str
    """Names what belongs to the whole cluster."""

    @classmethod
    def on(
        cls,
        exclusive: "Exclusive",
        *,
        accelerators: "Accelerators",
        workspaces: "Workspaces",
        waiter: "Waiter",
        queue: str | None,
    ) -> "Stage":
        """A stage on a node whose accelerators no other check of ours holds; it is waited for."""
        looked_at = accelerators.looked_at()
        usable = [node for node in accelerators.stock if node.ready and node.schedulable]
        # Those that --aicr-nodes means come first, then those whose units are whole devices; among
        # equals the one with most room.
        ordered = sorted(
            usable,
            key=lambda node: (node not in looked_at, node.units_per_device > 1, -node.attainable),
        )
        (node,) = exclusive.with_room(
            [[node] for node in ordered if node.attainable],
            share=lambda node: node.total,
            needs=1,
            look=accelerators.now,
        )
        return cls(
            node=node,
            accelerators=accelerators,
            workspaces=workspaces,
            waiter=waiter,
            queue=queue,
            run_id=workspaces.run_id,
        )
