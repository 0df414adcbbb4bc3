#!/bin/sh
# keep_ptxas.sh FOLDER COMMAND...: runs an nvcc compilation and keeps what ptxas says of each kernel in FOLDER, in a file
# named after the object; everything else is passed on.
folder=$1
shift
object=""
previous=""
for word in "$@"; do
  [ "$previous" = "-o" ] && object=$word
  previous=$word
done
mkdir -p "$folder"
kept=$folder/$(basename "$object").ptxas
"$@" 2>"$kept"
status=$?
grep -v -e '^ptxas info' -e 'bytes stack frame' "$kept" >&2
exit $status
