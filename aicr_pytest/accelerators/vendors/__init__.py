"""The vendors whose accelerators are described: ours, and those of other distributions.

A distribution adds a vendor by an entry point of the group ``aicr_pytest.profiles``. Its name is
the vendor's, and it leads to a ``Profile`` (``accelerators.profile``) whose ``vendor`` is that
name. No other profile may have the same vendor, driver, device class or extended resource: a device
would belong to two.
"""

from collections.abc import Sequence

from aicr_pytest import extensions
from aicr_pytest.accelerators.profile import Profile
from aicr_pytest.accelerators.vendors import amd, nvidia

PROFILES: tuple[Profile, ...] = (nvidia.PROFILE, amd.PROFILE)
"""Our own."""

_ITS_OWN = ("vendor", "driver", "device_class", "extended_resource")


def profiles() -> tuple[Profile, ...]:
    """Every vendor that checks can look at; the first that a cluster has is the one looked at.

    Raises:
        SettingsError: what another distribution adds is no profile, or one that is there already.
    """
    known = list(PROFILES)
    for extension in extensions.load(extensions.PROFILES):
        known.append(_checked(extension, known))
    return tuple(known)


def _checked(extension: extensions.Extension, known: Sequence[Profile]) -> Profile:
    profile = extension.value
    if not isinstance(profile, Profile):
        raise extension.refused(f"it is no Profile, but {type(profile).__name__}")
    if profile.vendor != extension.name:
        raise extension.refused(f"the vendor of its profile is {profile.vendor!r}")
    for field in _ITS_OWN:
        taken = {getattr(other, field): other.vendor for other in known}
        if (value := getattr(profile, field)) in taken:
            raise extension.refused(
                f"{field} {value!r} is described by the profile of {taken[value]} already"
            )
    return profile
