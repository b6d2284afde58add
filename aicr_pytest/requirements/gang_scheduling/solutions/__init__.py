"""Gang schedulers, in the order in which they are tried."""

from aicr_pytest.requirements.gang_scheduling.solutions.coscheduling import Coscheduling
from aicr_pytest.requirements.gang_scheduling.solutions.kai import Kai
from aicr_pytest.requirements.gang_scheduling.solutions.kueue import Kueue
from aicr_pytest.requirements.gang_scheduling.solutions.native import Native
from aicr_pytest.requirements.gang_scheduling.solutions.scheduler import GangScheduler
from aicr_pytest.requirements.gang_scheduling.solutions.volcano import Volcano

SOLUTIONS: tuple[GangScheduler, ...] = (Native(), Kueue(), Kai(), Volcano(), Coscheduling())
