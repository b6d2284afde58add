"""The vendors whose accelerators are described."""

from aicr_pytest.accelerators.profile import Profile
from aicr_pytest.accelerators.vendors import nvidia

PROFILES: tuple[Profile, ...] = (nvidia.PROFILE,)
"""Every vendor that checks can look at; the first that a cluster has is the one looked at."""
