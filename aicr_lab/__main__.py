"""``python -m aicr_lab``."""

import sys


def main() -> int:
    """The command line, or what has to be installed for it."""
    try:
        from aicr_lab.cli import main as run
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("aicr_lab"):
            raise
        print(f"aicr_lab: {error.name} is not installed", file=sys.stderr)
        print("  pip install 'aicr-pytest[lab]'", file=sys.stderr)
        return 1
    return run()


if __name__ == "__main__":
    sys.exit(main())
