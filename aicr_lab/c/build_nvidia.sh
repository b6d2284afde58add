#!/bin/sh
# Builds what stands for an NVIDIA driver: libnvidia-ml.so, libcuda.so, nvidia-smi.
#
#   build_nvidia.sh OUT SOURCES BINARY...
#
# Runs in the directory of the Go module whose go-nvml brings nvml.h. Every NVML function that the
# binaries name and nvml.c lacks becomes one that answers "not supported": a missing symbol would kill
# the caller at its first call.
set -eu
out=$1 sources=$2
shift 2
go mod download github.com/NVIDIA/go-nvml
header=$(go list -m -f '{{.Dir}}' github.com/NVIDIA/go-nvml)/pkg/nvml
flags="-O2 -Wall -Wextra -Wno-deprecated-declarations"

gcc $flags -fPIC "-I$header" -c "$sources/nvml.c" -o "$out/nvml.o"
nm "$out/nvml.o" | awk '$2 == "T" { print $3 }' | sort >"$out/implemented"
nm -D -u "$@" | awk '$1 == "U" && $2 ~ /^nvml/ { print $2 }' | sort -u >"$out/wanted"
# 3 is NVML_ERROR_NOT_SUPPORTED.
comm -13 "$out/implemented" "$out/wanted" | sed 's/.*/int &(void) { return 3; }/' >"$out/stubs.c"
gcc -fPIC -shared -Wl,-soname,libnvidia-ml.so.1 -o "$out/libnvidia-ml.so" "$out/nvml.o" "$out/stubs.c" -lpthread -ldl

# NVIDIA's toolkit finds the driver's version and directory by the file name of libcuda.
echo 'int cuInit(unsigned flags) { (void)flags; return 100; /* no device */ }' >"$out/cuda.c"
gcc -fPIC -shared -Wl,-soname,libcuda.so.1 -o "$out/libcuda.so" "$out/cuda.c"

gcc $flags "-I$header" -o "$out/nvidia-smi" "$sources/nvidia_smi.c" -ldl
rm "$out/nvml.o" "$out/implemented" "$out/wanted" "$out/stubs.c" "$out/cuda.c"
