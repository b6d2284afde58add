"""Reports: functions of a directory of evidence, and of nothing else."""
