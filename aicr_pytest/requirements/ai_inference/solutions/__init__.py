"""Implementations of the Gateway API, told apart by the controller of their GatewayClasses."""

from aicr_pytest.requirements.ai_inference.solutions.gateway_classes import SOLUTIONS

__all__ = ["SOLUTIONS"]
