# Makes device nodes on purpose and tries to open them, for aicr_pytest/accelerators/probe.py: hiding
# the file of somebody else's device is not enough. Arguments: major and minor number of each.
# Output: a tab-separated line for each, "mknod <words>" where the node cannot be made, else
# "open <words>".
LC_ALL=C
export LC_ALL
while [ $# -ge 2 ]; do
  node=$(mktemp -u "${TMPDIR:-/tmp}/aicr-probe.XXXXXX") || exit 65
  if reason=$(mknod "$node" c "$1" "$2" 2>&1); then
    if reason=$( ( exec 3<>"$node" ) 2>&1 ); then reason=opened; else reason=${reason##*: }; fi
    rm -f "$node"
    printf 'open\t%s\n' "$reason"
  else
    printf 'mknod\t%s\n' "${reason##*: }"
  fi
  shift 2
done
