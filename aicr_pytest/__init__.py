"""Prove, with evidence, whether a Kubernetes platform is AI-conformant.

PYTEST_DONT_REWRITE: `aicr-pytest run` has imported this package before pytest starts, and pytest
would warn that it cannot rewrite its assertions; there are none.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aicr_pytest.errors import AicrError, Inconclusive

__all__ = ["AicrError", "Inconclusive"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """The public errors; imported when they are asked for, since every run imports this package."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from aicr_pytest import errors

    return getattr(errors, name)
