"""Signatures of manifest.json by existing tools: OpenSSH's are checked here.

ssh-keygen -Y sign -f KEY -n aicr-pytest manifest.json
cosign sign-blob --bundle manifest.json.sigstore.json manifest.json
"""

import shutil
import subprocess
from pathlib import Path

from aicr_pytest.errors import SettingsError

NAMESPACE = "aicr-pytest"
"""What a signature is for, as ``ssh-keygen -n`` wants it: one for mail or git is none of a run."""
_SECONDS = 60


def check(manifest: Path, signature: Path, allowed_signers: Path) -> tuple[str, str]:
    """Who has signed a manifest, and why that does not hold.

    Args:
        manifest: of the run.
        signature: as ``ssh-keygen -Y sign`` wrote it.
        allowed_signers: whom to believe, see ALLOWED SIGNERS in ssh-keygen(1).

    Returns:
        The signer's name and an empty text, or an empty name and the reason.

    Raises:
        SettingsError: ssh-keygen is not there, or a file cannot be read.
    """
    for path in (signature, allowed_signers):
        if not path.is_file():
            raise SettingsError(f"{path}: is no file.")
    program = shutil.which("ssh-keygen")
    if program is None:
        raise SettingsError("ssh-keygen, which checks signatures, is not on the PATH.")
    said = _run(program, "find-principals", signature, allowed_signers)
    name = said.stdout.partition("\n")[0].strip()
    if said.returncode or not name:
        return "", f"nobody whom {allowed_signers.name} names has signed it: {_reason(said)}"
    words = ("-I", name, "-n", NAMESPACE)
    said = _run(program, "verify", signature, allowed_signers, *words, content=manifest)
    return ("", f"it does not hold: {_reason(said)}") if said.returncode else (name, "")


def _run(
    program: str,
    action: str,
    signature: Path,
    allowed_signers: Path,
    *words: str,
    content: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    files = ("-s", str(signature), "-f", str(allowed_signers))
    try:
        return subprocess.run(
            [program, "-Y", action, *files, *words],
            input=content.read_text(encoding="utf-8") if content else "",
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
    except (OSError, UnicodeDecodeError, subprocess.TimeoutExpired) as error:
        raise SettingsError(f"{signature}: cannot be checked by ssh-keygen: {error}.") from error


def _reason(said: subprocess.CompletedProcess[str]) -> str:
    return " ".join((said.stderr or said.stdout).split()) or f"exit status {said.returncode}"
