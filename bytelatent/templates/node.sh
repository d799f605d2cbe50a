#!/usr/bin/env bash
# One node of a job of bytelatent.stool: torchrun, and signals on their way to the script.
#
# SIGUSR1 ("time is nearly up") reaches this process, and on some clusters all others as well.
# torchrun does not know it and would die of it, so torchrun ignores it, and this process hands it
# to the script's processes, whose ids worker.sh has left in STOOL_PIDS. Processes that start later
# ignore it at first, like torchrun; they find the file STOOL_STOP.

signalled=
asked=
torchrun=
# shellcheck disable=SC2317  # a trap calls it
hand_on() {
  signalled=yes
  asked=yes
  [ -n "$STOOL_STOP" ] || return # there is no folder yet
  : > "$STOOL_STOP"
  for file in "$STOOL_PIDS"/*; do
    [ -e "$file" ] && kill -USR1 "${file##*/}"
  done
}
# shellcheck disable=SC2317  # a trap calls it
terminate() {
  signalled=yes
  [ -n "${torchrun:-$!}" ] || exit 143 # nothing has started
  kill -TERM "${torchrun:-$!}"
}
# The traps come first: a signal may arrive while the folder is made.
STOOL_PIDS=
STOOL_STOP=
trap hand_on USR1
trap terminate TERM
trap '[ -n "$STOOL_PIDS" ] && rm -rf -- "$STOOL_PIDS"' EXIT

STOOL_PIDS=$(mktemp -d) || exit 1
STOOL_STOP=$STOOL_PIDS/.stop # hidden from the loop over process ids
export STOOL_PIDS STOOL_STOP
[ -n "$asked" ] && : > "$STOOL_STOP"

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
