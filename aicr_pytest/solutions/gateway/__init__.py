"""Implementations of the Gateway API, told apart by the controller of their GatewayClasses."""

from aicr_pytest.solutions.gateway.products import SOLUTIONS

__all__ = ["SOLUTIONS"]
