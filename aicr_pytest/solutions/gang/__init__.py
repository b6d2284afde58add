"""Gang schedulers, in the order in which they are tried."""

from aicr_pytest.solutions.gang.coscheduling import Coscheduling
from aicr_pytest.solutions.gang.gang import GangScheduler
from aicr_pytest.solutions.gang.kai import Kai
from aicr_pytest.solutions.gang.kueue import Kueue
from aicr_pytest.solutions.gang.native import Native
from aicr_pytest.solutions.gang.volcano import Volcano

SOLUTIONS: tuple[GangScheduler, ...] = (Native(), Kueue(), Kai(), Volcano(), Coscheduling())
