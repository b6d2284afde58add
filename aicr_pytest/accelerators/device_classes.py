"""The DeviceClass by which a pod asks for a vendor's devices. Pure."""

from collections.abc import Sequence

from aicr_pytest.accelerators.cel import all_select
from aicr_pytest.accelerators.profile import Profile
from aicr_pytest.cluster.kinds import Object


def class_for(
    profile: Profile, classes: Sequence[Object], *, extended: bool, part: Object | None = None
) -> str:
    """The DeviceClass to ask by: the vendor's own, else the first that selects its driver.

    Args:
        extended: only a class that maps the extended resource fits.
        part: a part of a device that is asked for, where no whole one is; a class that selects
            others does not fit.
    """
    fitting = [
        item["metadata"]["name"]
        for item in classes
        if selects(item, profile.driver)
        and (not extended or item["spec"].get("extendedResourceName") == profile.extended_resource)
        and (part is None or _may_select(item, part, profile.driver))
    ]
    return profile.device_class if profile.device_class in fitting else next(iter(fitting), "")


def _may_select(device_class: Object, device: Object, driver: str) -> bool:
    return all_select(device_class["spec"].get("selectors") or (), device, driver) is not False


def selects(device_class: Object, driver: str) -> bool:
    """Whether a class is for a driver's devices."""
    if device_class["metadata"]["name"] == driver:
        return True  # the vendor's class by name, whatever it selects: a check must be able to see
    expressions = [
        selector.get("cel", {}).get("expression", "")
        for selector in device_class["spec"].get("selectors", ())
    ]
    return any(f"'{driver}'" in text or f'"{driver}"' in text for text in expressions)
