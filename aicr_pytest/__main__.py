"""``python -m aicr_pytest``: the command."""

from aicr_pytest.cli.main import main

raise SystemExit(main())
