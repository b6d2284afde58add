"""`aicr-pytest images`: what is pulled, and how it gets into a mirror; asks no cluster."""

import argparse
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from aicr_pytest.accelerators.vendors import profiles
from aicr_pytest.choices import IMAGE_NAMES
from aicr_pytest.cli.connecting import add_options, settings_of
from aicr_pytest.cli.saying import say_json, say_line
from aicr_pytest.config.parsers import PARSERS
from aicr_pytest.requirements.registry import own_solutions
from aicr_pytest.workloads.images import USED_BY, default_images, mirrored, reference

if TYPE_CHECKING:
    from aicr_pytest.cli.saying import Commands
    from aicr_pytest.settings import Settings

_COPIES = {
    "crane": "crane copy {source} {target}",
    "skopeo": "skopeo copy --all docker://{source} docker://{target}",
}
"""Tool → how it copies an image with all of its platforms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One image that a run may pull."""

    name: str
    """The suite's name, as ``--aicr-image`` takes it."""
    reference: str
    """Where it is pulled from, by the options that were given."""
    vendor: str
    """Whose accelerators it is for; empty: whoever's."""
    used_by: tuple[str, ...]
    """Requirements whose checks run it, some with one product only."""
    option: str
    """What replaces it."""


def add(commands: "Commands") -> None:
    """The words of the command."""
    added = commands.add_parser(
        "images",
        help="show every image that a run may pull, or how to mirror them; asks no cluster",
        description="Show every image that a run may pull, which requirements run it, and the "
        "option that replaces it. They are named by tags of single releases: the digest that a "
        "node has pulled is in the evidence, and `aicr-pytest preflight --pull` tells it before. "
        "With --mirror: print the commands that copy them, for a shell: "
        "`aicr-pytest images --mirror registry.example/aicr | sh`; then "
        "`aicr-pytest run --aicr-registry registry.example/aicr`.",
    )
    added.add_argument("--json", action="store_true", help="for programs")
    added.add_argument(
        "--mirror",
        metavar="HOST[/PATH]",
        type=_registry,
        help="print how to copy them there, with the paths that --aicr-registry looks for",
    )
    added.add_argument(
        "--tool", choices=tuple(_COPIES), default="crane", help="what copies (default: crane)"
    )
    add_options(added, ("images", "registry"))
    added.set_defaults(command=images)


def images(parsed: argparse.Namespace) -> int:
    """Print them."""
    found = all_images(settings_of(parsed))
    if parsed.json:
        say_json([asdict(one) for one in found])
    elif parsed.mirror:
        for line in recipe(found, parsed.mirror, parsed.tool):
            say_line(line)
    else:
        for one in found:
            vendor = f" ({one.vendor})" if one.vendor else ""
            say_line(f"{one.name}{vendor}: {one.reference}")
            say_line(f"  {IMAGE_NAMES[one.name]}")
            say_line(f"  for {', '.join(one.used_by)}; another: {one.option}")
    return 0


def all_images(settings: "Settings") -> list[Image]:
    """Every image of every vendor that is described, each reference once."""
    found: dict[tuple[str, str], Image] = {}
    for name in IMAGE_NAMES:
        for profile in profiles():
            where = reference(
                name, replaced=settings.images, registry=settings.registry, profile=profile
            )
            if not where:
                continue  # this vendor has none
            own = default_images(profile)[name] in (profile.probe_image, profile.load_image)
            found.setdefault(
                (name, where),
                Image(
                    name=name,
                    reference=where,
                    vendor=profile.vendor if own and name not in settings.images else "",
                    used_by=_users(name),
                    option=f"--aicr-image {name}=REF",
                ),
            )
    return list(found.values())


def recipe(images: list[Image], registry: str, tool: str) -> list[str]:
    """The commands that copy them, each target once, and a comment that says what comes then."""
    copies = [
        _COPIES[tool].format(source=one.reference, target=mirrored(one.reference, registry))
        for one in images
    ]
    return [*dict.fromkeys(copies), f"# then: aicr-pytest run --aicr-registry {registry}"]


def _users(name: str) -> tuple[str, ...]:
    operators = [
        f"robust_controller with {solution.name}"
        for solution in own_solutions("operator")
        if getattr(solution, "manifest", "") and getattr(solution, "image", "") == name
    ]
    return (*USED_BY[name], *operators)


def _registry(text: str) -> str:
    try:
        return str(PARSERS["registry"](text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not valid; {error}") from error
