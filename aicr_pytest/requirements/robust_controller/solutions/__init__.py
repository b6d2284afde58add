"""AI operators: a custom resource with a controller and a webhook of its own.

In the order in which they are tried. JobSet is the simplest of them and comes last.
"""

from aicr_pytest.requirements.robust_controller.solutions.jobset import JOBSET
from aicr_pytest.requirements.robust_controller.solutions.kserve import KSERVE
from aicr_pytest.requirements.robust_controller.solutions.kuberay import KUBERAY
from aicr_pytest.requirements.robust_controller.solutions.nvidia import DYNAMO, NIM
from aicr_pytest.requirements.robust_controller.solutions.trainer import TRAINER

SOLUTIONS = (TRAINER, KUBERAY, KSERVE, DYNAMO, NIM, JOBSET)
