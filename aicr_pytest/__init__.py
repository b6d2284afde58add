"""Prove, with evidence, whether a Kubernetes platform is AI-conformant.

PYTEST_DONT_REWRITE: `aicr-pytest run` has imported this package before pytest starts, and pytest
would warn that it cannot rewrite its assertions; there are none.
"""

from aicr_pytest.errors import AicrError, Inconclusive

__all__ = ["AicrError", "Inconclusive"]
__version__ = "0.1.0"
