#!/bin/bash
# Every test from a bare Debian 12: set up, build, ctest; then the tests again under address and undefined-behaviour
# sanitizers (what takes minutes there is left out by the preset's filter).
source "$(dirname "$0")/setup.sh"

total=0 failed=0 skipped=0
run_tests() {
  local preset=$1 log="build/$1/ctest.log" ran bad
  configure_and_build "$preset"
  ctest --preset "$preset" --parallel "$(nproc)" 2>&1 | tee "$log" || true
  # ctest's own closing line: "98% tests passed, 2 tests failed out of 100"
  read -r bad ran < <(sed -nE 's/.* ([0-9]+) tests? failed out of ([0-9]+).*/\1 \2/p' "$log" | tail -n 1) ||
    { echo "ctest ran no test of preset $preset"; exit 1; }
  total=$((total + ran)) failed=$((failed + bad))
  skipped=$((skipped + $(grep -cE '\*\*\*(Skipped|Not Run)' "$log" || true)))
}

run_tests release
run_tests asan
echo "$((total - failed - skipped)) passed, $failed failed, $skipped skipped"
if [ "$failed" -gt 0 ]; then
  echo "Look next at the failures named above; build/*/Testing/Temporary/LastTest.log has their whole output."
  exit 1
fi
echo "Look next at README.md, and run scripts/demo.sh for the course experiment."
