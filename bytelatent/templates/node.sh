#!/usr/bin/env bash
# One node of a job of bytelatent.stool: torchrun, and signals on their way to the script.
#
# SIGUSR1 ("time is nearly up") reaches this process, and on some clusters all others as well.
# torchrun does not know it and would die of it, so torchrun ignores it, and this process hands it
# to the script's processes, whose ids worker.sh has left in STOOL_PIDS.

STOOL_PIDS=$(mktemp -d) || exit 1
export STOOL_PIDS
trap 'rm -rf -- "$STOOL_PIDS"' EXIT

signalled=
# shellcheck disable=SC2317  # a trap calls it
hand_on() {
  signalled=yes
  for file in "$STOOL_PIDS"/*; do
    [ -e "$file" ] && kill -USR1 "${file##*/}"
  done
}
trap hand_on USR1
trap 'signalled=yes; kill -TERM "$torchrun"' TERM

(
  trap '' USR1
  exec torchrun --nnodes="$STOOL_NODES" --nproc-per-node="$STOOL_PROCESSES" \
    --node-rank="$SLURM_NODEID" --master-addr="$STOOL_MASTER" --master-port="$STOOL_PORT" \
    --no-python bash "${BASH_SOURCE[0]%/*}/worker.sh" "$@"
) &
torchrun=$!

# A signal cuts the waiting short; wait remembers the code of a process that has ended meanwhile.
wait "$torchrun"
code=$?
while [ -n "$signalled" ]; do
  signalled=
  wait "$torchrun"
  code=$?
done
exit "$code"
