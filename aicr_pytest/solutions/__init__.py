"""The platform's ways to meet a requirement: discovered, never assumed.

An area is a subpackage with a Protocol of its own and one module per product; its ``SOLUTIONS``
are in the order in which they are tried.
"""

from aicr_pytest.solutions.areas import AREAS, solution_names

__all__ = ["AREAS", "solution_names"]
