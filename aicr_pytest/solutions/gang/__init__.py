"""Gang schedulers, in the order in which they are tried."""

from aicr_pytest.solutions.gang.native import Native

SOLUTIONS = (Native(),)
