"""The command `aicr-pytest`."""
