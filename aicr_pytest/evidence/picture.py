"""How a table of the evidence is drawn: which of its columns plays which part.

The numbers stay the table's: reports draw the picture from its rows and show both.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Literal

PictureKind = Literal["chain", "grid", "shares", "change", "lanes", "twins"]
"""What is drawn, and of which parts:

- ``chain``: one and the same device at each step: ``published``, ``allocated``, ``seen``, and by
  whom it was ``published_by`` and ``allocated_by``
- ``grid``: what each ``row`` has of each ``column``: ``cell``
- ``shares``: the ``value`` of each ``name`` between ``low`` and ``high``
- ``change``: of each ``name`` the value ``before`` and ``after``
- ``lanes``: of each ``name`` from ``start`` to ``end`` in seconds; empty is for ever, and a lane
  without a ``start`` never began
- ``twins``: of each ``name`` what sets it apart (``differs``), and the ``answer`` to it

Where the table compares columns, the picture says of each row whether they agree.
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A table's picture."""

    kind: PictureKind
    """What is drawn."""
    parts: Mapping[str, str]
    """Part → the column that plays it."""

    def said_by(self, clean: Callable[[str], str]) -> "Picture":
        """The same with columns named as the table names them once they are clean."""
        return dataclasses.replace(
            self, parts={part: clean(column) for part, column in self.parts.items()}
        )
