"""How many accelerators nodes offer, by whichever mechanism."""

from collections import Counter
from typing import TYPE_CHECKING

from aicr_pytest.accelerators.devices import attribute, newest_slices
from aicr_pytest.accelerators.profile import Profile
from aicr_pytest.accelerators.units import counted
from aicr_pytest.cluster.kinds import RESOURCE_SLICE, Object
from aicr_pytest.cluster.served import is_served

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster


class Offers:
    """Units that a device plugin counts, or whole devices that a DRA driver publishes."""

    def __init__(self, cluster: "Cluster", profile: Profile) -> None:
        self._cluster = cluster
        self._profile = profile
        self._published: Counter[str] = Counter()

    def look(self) -> None:
        """Look at what is published now."""
        if not is_served(self._cluster, RESOURCE_SLICE):
            return
        slices = self._cluster.list(RESOURCE_SLICE)
        name, value = self._profile.type_attribute
        self._published = Counter(
            item["spec"].get("nodeName", "")
            for item in newest_slices(slices, self._profile.driver)
            for device in item["spec"].get("devices", ())
            if attribute(device, name, self._profile.driver) == value
        )

    def of(self, node: Object) -> int:
        """How many a node offers, by its allocatable and by the last look."""
        units = counted(self._profile.extended_resource, self._profile.sharing, node)
        return units[0].count if units else self._published[node["metadata"]["name"]]
