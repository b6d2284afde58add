"""Signs of products that no adapter knows: what tells "none that we know" from "none".

A requirement is not implemented where the kind of product that meets it cannot be there. Where a
sign of one is seen, and no adapter found it, nobody can say.
"""

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import translate
from typing import TYPE_CHECKING

from aicr_pytest.cluster.kinds import NODE, POD, Object
from aicr_pytest.cluster.served import served_kinds
from aicr_pytest.errors import UnknownSolution

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.settings import Settings

_MOST = 3
"""Products that a message names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """What shows one product, or any of its kind; patterns as in file names."""

    product: str
    """As people call it."""
    kinds: tuple[str, ...] = ()
    """``Kind.group`` of what the API server serves for it."""
    pods: tuple[str, ...] = ()
    """Names of its pods, or of their images without registry and path."""
    providers: tuple[str, ...] = ()
    """``spec.providerID`` of nodes beside which it may be, outside the cluster."""
    options: tuple[str, ...] = ()
    """Settings by which the user names one."""
    but: tuple[str, ...] = ()
    """What fits a pattern of this sign and is something else."""
    solutions: tuple[str, ...] = ()
    """Adapters that look for it, and found it in no form that they know."""

    def fits(self, shown: "_Shown") -> bool:
        """Whether it is this product that something shows."""
        patterns = getattr(self, shown.field)
        return _any_fits(patterns, shown.names) and not _any_fits(self.but, shown.names)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """One thing in the cluster that may show a product."""

    field: str
    """Which patterns of a sign may fit."""
    names: Sequence[str]
    """What they have to fit."""
    words: str
    """What it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What shows that a kind of product is there."""

    what: str
    """The kind of product, e.g. ``gang scheduler``."""
    signs: Sequence[Sign]
    """Of products, the known ones included."""
    way_out: str
    """What the user can do, one sentence."""

    def refuse(
        self, cluster: "Cluster", settings: "Settings | None" = None, *, pinned: str = ""
    ) -> None:
        """Go on only where nothing shows that such a product is there.

        Args:
            pinned: the only adapter whose product counts.

        Raises:
            UnknownSolution: something does; says what was seen.
        """
        signs = [sign for sign in self.signs if not pinned or pinned in sign.solutions]
        found: dict[str, list[str]] = {}
        for shown in _shown(cluster, settings, signs):
            if product := next((sign.product for sign in signs if sign.fits(shown)), ""):
                found.setdefault(product, []).append(shown.words)
        if found:
            seen = [f"{product} ({_shortened(words)})" for product, words in found.items()]
            told = "; ".join(seen[:_MOST]) + (" …" if len(seen) > _MOST else "")
            raise UnknownSolution(
                f"No {self.what} that is known, and signs of one: {told}.\n  {self.way_out}"
            )


def _shown(
    cluster: "Cluster", settings: "Settings | None", signs: Sequence[Sign]
) -> Iterator[_Shown]:
    """Everything that a sign might be; asked for only where one of its kind is wanted."""
    for option in sorted({option for sign in signs for option in sign.options}):
        if getattr(settings, option, None):
            words = f"--aicr-{option.replace('_', '-')}"
            yield _Shown(field="options", names=[option], words=words)
    for kind, api_version in served_kinds(cluster) if any(s.kinds for s in signs) else ():
        name = f"{kind}.{api_version.partition('/')[0]}"
        yield _Shown(field="kinds", names=[name], words=f"{kind} of {api_version}")
    for pod in cluster.list(POD) if any(s.pods for s in signs) else ():
        metadata = pod["metadata"]
        if not metadata.get("deletionTimestamp"):
            words = f"pod {metadata['namespace']}/{metadata['name']}"
            images = map(image_name, images_in(pod))
            yield _Shown(field="pods", names=[metadata["name"], *images], words=words)
    for node in cluster.list(NODE) if any(s.providers for s in signs) else ():
        provider = str(node["spec"].get("providerID") or "")
        words = f"node {node['metadata']['name']} is {provider}"
        yield _Shown(field="providers", names=[provider], words=words)


def images_in(pod: Object) -> list[str]:
    """References of the images that a pod's containers run."""
    return [str(one["image"]) for one in pod["spec"].get("containers") or ()]


def image_name(image: str) -> str:
    """The last part of an image's repository, without tag and digest."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def _any_fits(patterns: tuple[str, ...], names: Sequence[str]) -> bool:
    return bool(patterns) and any(map(_one_of(patterns).match, names))


@functools.cache
def _one_of(patterns: tuple[str, ...]) -> "re.Pattern[str]":
    """As ``fnmatchcase``, for all of them at once: there may be 20,000 pods."""
    return re.compile("|".join(map(translate, patterns)))


def _shortened(words: Sequence[str]) -> str:
    return ", ".join(words[:2]) + (f" and {len(words) - 2} more" if len(words) > 2 else "")
