# Makes a device node on purpose and tries to open it, for aicr_pytest/accelerators/probe.py: hiding
# the file of somebody else's device is not enough. Arguments: major and minor number.
# Output: one tab-separated line "mknod <words>" where the node cannot be made, else "open <words>".
LC_ALL=C
export LC_ALL
node=$(mktemp -u "${TMPDIR:-/tmp}/aicr-probe.XXXXXX")
if ! reason=$(mknod "$node" c "$1" "$2" 2>&1); then
  printf 'mknod\t%s\n' "${reason##*: }"
  exit 0
fi
if reason=$( ( exec 3<>"$node" ) 2>&1 ); then reason=opened; else reason=${reason##*: }; fi
rm -f "$node"
printf 'open\t%s\n' "$reason"
