"""What pytest is asked for that needs no cluster."""

import pytest


def looks_only(config: pytest.Config) -> bool:
    """Whether pytest was only asked to show something; then no cluster is contacted."""
    return any(
        config.getoption(option, False)
        for option in (
            "collectonly",
            "setupplan",
            "showfixtures",
            "show_fixtures_per_test",
            "markers",
            "help",
            "version",
            "cacheshow",
        )
    )
