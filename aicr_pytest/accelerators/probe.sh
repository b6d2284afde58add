# Prints what this container can really reach, for aicr_pytest/accelerators/probe.py.
# Arguments: names of variables; names of majors in /proc/devices; patterns of device nodes;
# directories and name of the vendor's list tool; then the arguments that make the tool list one
# device per line.
# Output: tab-separated lines. The last one is "end": without it the probe was cut short.
LC_ALL=C
export LC_ALL
variables=$1 names=" $2 " patterns=$3 directories=$4 tool=$5
shift 5
PATH="$PATH:$directories"
LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}/usr/local/nvidia/lib64"
export PATH LD_LIBRARY_PATH

# Prints "opened", or the kernel's words for why not. A refusal tells isolation, a missing file does not.
try_open() {
  if reason=$( ( exec 3<>"$1" ) 2>&1 ); then echo opened; else echo "${reason##*: }"; fi
}

for variable in $variables; do
  if value=$(printenv "$variable"); then printf 'env\t%s=%s\n' "$variable" "$value"; fi
done

while read -r major name; do
  case "$names" in *" $name "*) printf 'major\t%s\t%s\n' "$major" "$name" ;; esac
done </proc/devices

for node in /dev/* /dev/*/*; do
  if [ ! -c "$node" ] || [ -L "$node" ]; then continue; fi
  numbers=$(stat -c '%t %T' "$node") || exit 65
  result=-
  for pattern in $patterns; do
    # shellcheck disable=SC2254  # the pattern is meant as one
    case "$node" in $pattern) result=$(try_open "$node") ;; esac
  done
  printf 'device\t%s\t%d\t%d\t%s\n' "$node" "0x${numbers% *}" "0x${numbers#* }" "$result"
done

if found=$(command -v "$tool"); then
  printf 'tool\t%s\n' "$found"
  list=$("$found" "$@" 2>/dev/null)  # libraries that are loaded before it speak there
  printf 'tool-exit\t%s\n' "$?"
  printf '%s\n' "$list" | while IFS= read -r line; do printf 'listed\t%s\n' "$line"; done
  "$found" 2>&1 | while IFS= read -r line; do printf 'screen\t%s\n' "$line"; done
fi
printf 'end\n'
