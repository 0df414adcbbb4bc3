#!/bin/sh
# bench/gpu_check from the first step to the verdict, where every tool it calls is a stub that says what the real one
# would: that each step runs, that a failing one is named, and that measured times stand beside the predicted ones.
# usage: gpu_check_with_stubs.sh SOURCE SCRATCH
set -eu
source=$1
rm -rf "$2"
mkdir -p "$2/bin"
cd "$2"

stub() {
  printf '#!/bin/sh\n%s\n' "$2" >"bin/$1"
  chmod +x "bin/$1"
}
stub nvidia-smi 'case "$*" in *compute_cap*) echo 9.0 ;; *) echo "A GPU, 1.0" ;; esac'
stub compute-sanitizer 'shift 4; exec "$@"'
stub ctest 'exit ${STUB_CTEST:-0}'
stub cuobjdump 'exit 0'
# a configured build has the programs; what the benches print is what --beside is tested with
stub cmake 'case "$1" in -S)
mkdir -p "$4"
program() { printf "#!/bin/sh\n%s\n" "$2" >"$build/$1"; chmod +x "$build/$1"; }
build=$4
for name in $(grep -o "[$]build/[a-z_]*" "$CHECK" | cut -d/ -f2); do program "$name" "exit 0"; done
program gmmvae "case \"\$1\" in train) echo \"{\\\"loss\\\": [0.05]}\" | tr -d \"[]\" ;; esac"
program gpu_measure "cat $MEASURE"
program gpu_training "cat $BENCH"
esac'
# the report itself is tested on its own; here it predicts a step of ten microseconds
stub python3 'case "$2" in
--beside) exec '"$(command -v python3)"' "$@" ;;
*) while [ "$1" != --json ]; do shift; done
   echo "{\"steps\": [{\"kernel\": \"train_two_hidden\", \"clocks_per_step\": 20000}], \"tiled\": {\"layers\": []}}" >"$2" ;;
esac'
MEASURE=$PWD/measure BENCH=$PWD/bench CHECK=$source/bench/gpu_check
export MEASURE BENCH CHECK
echo '{"clock_mhz": 2000, "multiprocessors": 132, "clocks_per_lds128_paired": 2, "clocks_per_lds128_unpaired": 4,
       "mma_tf32_tflops": 200}' >measure
echo '{"cases": [{"name": "one small model", "seconds": 0.0212, "epochs": 100}]}' >bench

PATH=$PWD/bin:$PATH "$source/bench/gpu_check" out >said
[ "$(tail -1 said | cut -c1-17)" = "gpu_check: passed" ]
grep -q 'step, one small model | 10 us | 20 us | 2.00' said
for name in configure measure build doctor suite sanitizer_memcheck sanitizer_tf32x3_racecheck sanitizer_tiled_racecheck \
  parity bench predict; do grep -q "^ok  *$name" said; done
grep -q '"passed": true' out/summary.json

code=0
STUB_CTEST=1 PATH=$PWD/bin:$PATH "$source/bench/gpu_check" out >said || code=$?
[ $code = 1 ]
grep -q '^FAILED  *suite' said
grep -q '"failed": "suite"' out/summary.json
