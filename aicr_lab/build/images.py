"""The lab's images, made of this machine's own programs, under the names that the suite uses.

There is no registry: what a pod of the lab may run is what is listed here.
"""

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from aicr_lab import needs
from aicr_lab.build.builder import take_cache
from aicr_lab.build.oci import Image, Layer, write_archive
from aicr_lab.errors import HostUnfit
from aicr_lab.needs import Say
from aicr_lab.state import locked

CUDA = "nvcr.io/nvidia/cuda:12.8.1-base-ubuntu24.04"
BUSYBOX = "docker.io/library/busybox:1.37"
NBODY = "nvcr.io/nvidia/k8s/cuda-sample:nbody-cuda11.7.1-ubuntu18.04"
ROCM = "docker.io/rocm/dev-ubuntu-24.04:7.2.4"
PYTORCH = "docker.io/rocm/pytorch:rocm6.4.1_ubuntu24.04_py3.12_pytorch_release_2.6.0"
COREDNS = "registry.k8s.io/coredns/coredns:v1.15.0"
PAUSE = "registry.k8s.io/pause:3.10"

_DAY = 86_400.0
"""Seconds."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# What the vendor's base image has of a GNU userland, as far as probes use it. No nvidia-smi: the
# real image has none either, it comes with the device.
# fmt: off  (one per line would hide it)
_GNU_PROGRAMS = (
    "bash",
    "dash",
    "sh",
    "env",
    "true",
    "false",
    "test",
    "[",
    "expr",
    "printf",
    "echo",
    "yes",
    "sleep",
    "timeout",
    "nohup",
    "kill",
    "cat",
    "head",
    "tail",
    "tac",
    "tee",
    "cut",
    "paste",
    "sort",
    "uniq",
    "tr",
    "wc",
    "nl",
    "od",
    "seq",
    "shuf",
    "split",
    "comm",
    "join",
    "fold",
    "fmt",
    "ls",
    "cp",
    "mv",
    "rm",
    "ln",
    "mkdir",
    "rmdir",
    "touch",
    "chmod",
    "chown",
    "chgrp",
    "mknod",
    "mkfifo",
    "mktemp",
    "readlink",
    "realpath",
    "basename",
    "dirname",
    "stat",
    "df",
    "du",
    "dd",
    "sync",
    "install",
    "truncate",
    "id",
    "whoami",
    "groups",
    "hostname",
    "uname",
    "date",
    "nproc",
    "md5sum",
    "sha1sum",
    "sha256sum",
    "sha512sum",
    "base64",
    "find",
    "xargs",
    "grep",
    "egrep",
    "fgrep",
    "sed",
    "awk",
    "mawk",
    "tar",
    "gzip",
    "gunzip",
    "zcat",
    "ps",
    "free",
    "top",
    "pgrep",
    "pkill",
    "uptime",
    "mount",
    "umount",
    "lsblk",
    "setsid",
    "getent",
    "ldd",
    "ldconfig",
    "tty",
    "stty",
    "printenv",
    "pwd",
    "link",
    "unlink",
    "nice",
)
# fmt: on
_OPTIONAL = {"free", "top", "ps", "pgrep", "pkill", "uptime", "lsblk", "mawk", "egrep", "fgrep"}

_PASSWD = "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"
_GROUP = "root:x:0:\nnogroup:x:65534:\n"


def ensure_archive(cache: Path, programs: Mapping[str, Path], say: Say) -> Path:
    """The archive with all images, made anew when a file in it has changed.

    Args:
        programs: ``coredns``, ``pause`` and ``nbody``, and by absolute path what else goes into the
            CUDA image.
    """
    # Their libraries change with them or with libc; asking ldd takes longer than all of this.
    sources = [*_gnu_programs().values(), *programs.values(), _busybox(), Path(__file__)]
    return ensure_archive_of(
        cache, "images", _fingerprint(sources), lambda: all_images(programs), say
    )


def ensure_archive_of(
    cache: Path, name: str, fingerprint: str, make: Callable[[], Iterable[Image]], say: Say
) -> Path:
    """An archive of that name, made anew when its fingerprint is another.

    Those that nobody has used for a day go: other clones have labs that come up meanwhile.
    """
    archive = cache / f"{name}-{fingerprint}.tar"
    if archive.exists():
        archive.touch()
        return archive
    take_cache(cache)
    with locked(cache / f"{name}.lock", busy=f"{name}: made by another process; waiting"):
        if not archive.exists():
            say("making images" if name == "images" else f"making images: {name}")
            temporary = archive.with_suffix(".partial")
            write_archive(temporary, make())
            temporary.rename(archive)
            for old in cache.glob(f"{name}-{'?' * len(fingerprint)}.tar"):
                if old.stat().st_mtime < archive.stat().st_mtime - _DAY:
                    old.unlink(missing_ok=True)
    return archive


def all_images(programs: Mapping[str, Path]) -> Iterator[Image]:
    """Every image of the lab."""
    yield pause_image(programs["pause"])
    yield busybox_image(_busybox())
    yield coredns_image(programs["coredns"])
    extra = {path: source for path, source in programs.items() if path.startswith("/")}
    files = gnu_files()
    yield cuda_image(files, extra)
    yield nbody_image(files, programs["nbody"])
    yield rocm_image(ROCM, files, {"/opt/rocm/bin/amd-smi": programs["amd-smi"]})
    tools = {"/opt/rocm/bin/amd-smi": programs["amd-smi"], "/usr/bin/python3": programs["nbody"]}
    yield rocm_image(PYTORCH, files, tools)


def pause_image(program: Path) -> Image:
    """What holds a pod's namespaces."""
    layer = Layer()
    layer.copy(program, "pause")
    config = {"Entrypoint": ["/pause"], "User": "65535:65535"}
    return Image(name=PAUSE, layers=[layer.content()], config=config)


def busybox_image(program: Path) -> Image:
    """busybox with a link per applet."""
    layer = Layer()
    system_directories(layer)
    # Debian has a static one and one with libraries; both may stand in the same place.
    files = with_libraries({"bin/busybox": program})
    if len(files) > 1:
        for name in ("lib", "lib64"):
            layer.directory(f"usr/{name}")
            layer.link(name, f"usr/{name}")
    for path, source in files.items():
        layer.copy(source, path)
    listed = subprocess.run([program, "--list"], capture_output=True, text=True, check=True)
    for applet in listed.stdout.split():
        layer.link(f"bin/{applet}", "busybox")
    config = {"Env": [f"PATH={PATH}"], "Cmd": ["sh"]}
    return Image(name=BUSYBOX, layers=[layer.content()], config=config)


def coredns_image(program: Path) -> Image:
    """The cluster's DNS; upstream's manifest runs it unchanged."""
    base, layer = Layer(), Layer()
    system_directories(base)
    layer.copy(program, "coredns")
    config = {"Entrypoint": ["/coredns"], "User": "65532", "Env": [f"PATH={PATH}"]}
    return Image(name=COREDNS, layers=[base.content(), layer.content()], config=config)


def cuda_image(files: Mapping[str, Path], extra: Mapping[str, Path]) -> Image:
    """The image that GPU pods use: a GNU userland, and the vendor's environment.

    The environment is what makes isolation worth checking: whoever honours it instead of the
    allocation hands out every GPU.
    """
    added = Layer()
    for path, source in extra.items():
        added.copy(source, path)
    config = {
        "Env": [
            f"PATH={PATH}",
            "NVIDIA_VISIBLE_DEVICES=all",
            "NVIDIA_DRIVER_CAPABILITIES=compute,utility",
            "CUDA_VERSION=12.8.1",
        ],
        "Cmd": ["/bin/bash"],
    }
    layers = [gnu_layer(files)] + ([added.content()] if extra else [])
    return Image(name=CUDA, layers=layers, config=config)


def nbody_image(files: Mapping[str, Path], program: Path) -> Image:
    """NVIDIA's N-body sample, as far as it keeps a GPU busy for a while."""
    layer = Layer()
    layer.copy(program, "cuda-samples/nbody")
    layer.link("usr/local/bin/nbody", "/cuda-samples/nbody")
    config = {
        "Env": [f"PATH={PATH}", "NVIDIA_VISIBLE_DEVICES=all"],
        "Cmd": ["/cuda-samples/nbody", "-benchmark"],
    }
    return Image(name=NBODY, layers=[gnu_layer(files), layer.content()], config=config)


def rocm_image(name: str, files: Mapping[str, Path], tools: Mapping[str, Path]) -> Image:
    """An image of AMD's, as far as probes and loads use it: the vendor's tool comes with it."""
    layer = Layer()
    for path, source in tools.items():
        layer.copy(source, path.lstrip("/"))
    config = {"Env": [f"PATH=/opt/rocm/bin:{PATH}"], "Cmd": ["/bin/bash"]}
    return Image(name=name, layers=[gnu_layer(files), layer.content()], config=config)


def gnu_layer(files: Mapping[str, Path]) -> bytes:
    """A layer with a GNU userland, the same bytes for every image that has it."""
    layer = Layer()
    for name in ("bin", "sbin", "lib", "lib64"):
        layer.directory(f"usr/{name}")
        layer.link(name, f"usr/{name}")
    system_directories(layer)
    for path, source in files.items():
        layer.copy(source, path)
    return layer.content()


def system_directories(layer: Layer) -> None:
    """What every root file system has, and names for root and nobody."""
    for path in ("etc", "proc", "sys", "dev", "root", "var", "run", "usr/bin"):
        layer.directory(path)
    layer.directory("tmp", 0o1777)
    layer.file("etc/passwd", _PASSWD.encode())
    layer.file("etc/group", _GROUP.encode())
    layer.file("etc/nsswitch.conf", b"passwd: files\ngroup: files\nhosts: files dns\n")


def _busybox() -> Path:
    found = needs.program("busybox")
    if found is None:
        raise HostUnfit("busybox is not installed", hint="apt-get install busybox-static")
    return found.resolve()


def _gnu_programs() -> dict[str, Path]:
    """Path in the image → program of this machine."""
    programs: dict[str, Path] = {}
    for name in _GNU_PROGRAMS:
        found = shutil.which(name, path=PATH)
        if found is not None:
            programs[f"usr/bin/{name}"] = Path(found).resolve()
        elif name not in _OPTIONAL:
            raise HostUnfit(f"{name} is not installed", hint="the CUDA image is made of it")
    return programs


def gnu_files() -> dict[str, Path]:
    """A GNU userland with its libraries: path in the image → file of this machine."""
    return with_libraries(_gnu_programs())


def with_libraries(programs: Mapping[str, Path]) -> dict[str, Path]:
    """Programs and their libraries: path in the image → file of this machine."""
    files = dict(programs)
    for library in libraries(programs.values()):
        # /lib is a link to /usr/lib in the image, as on every current distribution.
        path = library.as_posix().lstrip("/")
        files[path if path.startswith("usr/") else f"usr/{path}"] = library.resolve()
    return files


def libraries(programs: Iterable[Path]) -> set[Path]:
    """The shared libraries that programs of this machine load, by their own paths."""
    unique = sorted({str(program) for program in programs})
    # ldd ends with 1 when one of the files is a script or static; the rest is listed all the same.
    listed = subprocess.run(["ldd", *unique], capture_output=True, text=True, check=False)
    return {Path(found) for found in re.findall(r"(?:=>|^\s+)\s*(/\S+)", listed.stdout, re.M)}


def _fingerprint(sources: Iterable[Path]) -> str:
    # Size and time instead of content: this runs at every ``up``.
    stats = [(str(path), path.stat()) for path in sorted(sources)]
    content = json.dumps([(path, stat.st_size, stat.st_mtime_ns) for path, stat in stats])
    return hashlib.sha256(content.encode()).hexdigest()[:16]
