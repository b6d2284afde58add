"""Evidence: what came back from the cluster, verbatim but redacted, one record per check.

Nothing here knows pytest. Reports are functions of the directory that this package writes. This
module imports nothing: the plugin needs the types at start-up, and the rest only in asked runs.
"""
