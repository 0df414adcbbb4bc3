#!/bin/bash
# Every test from a bare Debian 12: set up, build, ctest; then the tests again under address and undefined-behaviour
# sanitizers.
source "$(dirname "$0")/setup.sh"

total=0 failed=0 skipped=0
run_tests() {
  local preset=$1 log="build/$1/ctest.log" code=0 ran=0 bad=0 not_run
  configure_and_build "$preset"
  ctest --preset "$preset" --parallel "$(nproc)" 2>&1 | tee "$log" || code=$?
  # ctest's own closing line: "98% tests passed, 2 tests failed out of 100"
  read -r bad ran < <(sed -nE 's/.* ([0-9]+) tests? failed out of ([0-9]+).*/\1 \2/p' "$log" | tail -n 1) || true
  if [ "${ran:-0}" -eq 0 ]; then
    echo "ctest ran no test of preset $preset (exit $code)"
    exit 1
  fi
  if [ "$code" -ne 0 ] && [ "$bad" -eq 0 ]; then
    bad=1  # ctest itself failed, whatever its closing line says
  fi
  not_run=$(sed -nE 's/^[[:space:]]*[0-9]+ - (.*) \(Skipped\)$/\1/p' "$log")
  total=$((total + ran)) failed=$((failed + bad)) skipped=$((skipped + $(grep -c . <<<"$not_run" || true)))
  summarise "$preset" "$not_run"
}

# What is absent here, by name: tests of an absent backend by the backend, other skipped tests one a line.
summarise() {
  local preset=$1 not_run=$2 backend count
  for backend in cuda cuda_on_cpu; do
    count=$(grep -c "/$backend\$" <<<"$not_run" || true)
    [ "$count" -eq 0 ] || echo "$preset: skipped $count tests of the backend $backend, which is not here"
  done
  grep -vE '/(cuda|cuda_on_cpu)$' <<<"$not_run" | grep . | sed "s/^/$preset: skipped /" || true
}

run_tests release
run_tests asan
echo "$((total - failed - skipped)) passed, $failed failed, $skipped skipped"
if [ "$failed" -gt 0 ]; then
  echo "Look next at the failures named above; build/*/Testing/Temporary/LastTest.log has their whole output."
  exit 1
fi
echo "Look next at README.md, and run scripts/demo.sh for the course experiment."
