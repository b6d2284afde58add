"""The cluster: client, waits, streams, pods, workspaces, cleaning.

Nothing here imports pytest or evidence. ``kubernetes`` is imported when a connection is made, so
importing these modules costs nothing.
"""
