"""Where the experiments with gangs take place, and how large the gangs are."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aicr_pytest.accelerators.inventory import AcceleratorNode
from aicr_pytest.errors import NoCapacity

if TYPE_CHECKING:
    from aicr_pytest.requirements.platform import Platform


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


def reserve_node(platform: "Platform") -> AcceleratorNode:
    """A node whose accelerators no other check of ours holds; it is waited for.

    Raises:
        NoCapacity: no node has one to give.
    """
    sampled = platform.accelerators.sample_nodes()
    usable = [node for node in platform.accelerators.stock if node.ready and node.schedulable]
    # Those that --aicr-nodes means come first, then those whose units are whole devices; among
    # equals the one with most room, and of these one that others, who would wait, do not look at.
    named = platform.accelerators.named
    ordered = sorted(
        usable,
        key=lambda node: (
            named and node not in sampled,
            node.unit != "device",
            -node.capacity,
            node in sampled,
        ),
    )
    (node,) = platform.reservations.with_room(
        [[node] for node in ordered if node.capacity],
        share=lambda node: node.total,
        needs=1,
        look=platform.accelerators.now,
    )
    return node
