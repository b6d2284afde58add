"""One pytest run, from the first hook to the last report."""
