"""Prove, with evidence, whether a Kubernetes platform is AI-conformant."""

from aicr_pytest.errors import AicrError, Inconclusive

__all__ = ["AicrError", "Inconclusive"]
__version__ = "0.1.0"
