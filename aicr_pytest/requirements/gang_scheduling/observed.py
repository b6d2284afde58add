"""What was seen of gangs; the checks compare it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """A member that got a node."""

    pod: str
    node: str
    seconds: float
    """Since the gang was created."""

    def __str__(self) -> str:
        return f"{self.pod} was bound to {self.node} after {self.seconds:.1f} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Starved:
    """A gang that found less room than it needs, once the scheduler had looked at it."""

    gang: str
    room: int
    """Accelerators that it found."""
    needed: int
    """Accelerators that all members need together."""
    bound: tuple[Binding, ...]
    """Members that were bound, in the whole window."""
    claims: tuple[str, ...] = ()
    """ResourceClaims of unbound members that hold devices, as sentences."""

    @property
    def because(self) -> str:
        """Who was bound, and though what."""
        told = f"though there was room for {self.room} of the {self.needed} accelerators"
        return "\n".join(f"{one} {told} that {self.gang} needs" for one in self.bound)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A gang all of whose members were bound."""

    gang: str
    members: int
    """How many it has."""
    running: int
    """Members that ran."""
    mismatches: tuple[str, ...]
    """Where members see other devices than they were given, as sentences."""
    held_twice: tuple[str, ...]
    """Devices that two members hold, though whole ones are handed out, as sentences."""
    completed: int = 0
    """Members that have ended as Succeeded, as they were told to."""
    incomplete: str = field(default="", repr=False)
    """Why not all members completed; empty where they did."""

    @property
    def because(self) -> str:
        """What is wrong with it."""
        return "\n".join([*self.mismatches, *self.held_twice, self.incomplete]).strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rivals:
    """Two gangs, of which there is room for one."""

    served: tuple[Served, ...] = ()
    """Both, in the order in which they had the room; empty where neither was whole."""
    beside: tuple[Binding, ...] = ()
    """Members of the second that were bound while the first had the room."""
    deadlock: str = field(default="", repr=False)
    """Who holds what, where neither was whole."""

    @property
    def because(self) -> str:
        """What is wrong with them."""
        beside = [f"{one} while {self.served[0].gang} had the room" for one in self.beside]
        return "\n".join([self.deadlock, *beside, *(one.because for one in self.served)]).strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Freed:
    """What gangs have left, once they are gone."""

    stranded: tuple[str, ...] = ()
    """ResourceClaims that are allocated though their pods are gone, as sentences."""
    lost: int = 0
    """Accelerators that were offered before there were gangs, and are not any more."""
    free: int = 0
    """Accelerators that nobody holds."""
    held: int = 0
    """Accelerators that one pod then held."""
    because: str = field(default="", repr=False)
    """What is offered now, where some are lost."""
