#!/bin/sh
# bench/gpu_check where the driver's tool finds no GPU: exit code 3, one sentence, and the same as JSON.
# usage: gpu_check_without_gpu.sh SOURCE SCRATCH
set -eu
rm -rf "$2"
mkdir -p "$2/bin"
printf '#!/bin/sh\nexit 9\n' >"$2/bin/nvidia-smi"
chmod +x "$2/bin/nvidia-smi"
code=0
PATH="$2/bin:$PATH" "$1/bench/gpu_check" "$2/out" >"$2/said" || code=$?
[ $code = 3 ]
[ "$(tail -1 "$2/said")" = "gpu_check: not passed: no GPU here (nvidia-smi shows none)" ]
grep -q '"passed": false' "$2/out/summary.json"
code=0
"$1/bench/gpu_check" --no-such-option 2>/dev/null >/dev/null || code=$?
[ $code = 2 ]
