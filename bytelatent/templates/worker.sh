#!/usr/bin/env bash
# One process of a job of bytelatent.stool: runs "$@", the script.
#
# Code 75, "saved, start me again", becomes a note in STOOL_AGAIN and 0 for torchrun, which would
# make 1 of any other code and end the script's other processes while they save.

trap : TERM  # torchrun sends it to the script too; stay to hear what the script says
(
  : > "$STOOL_PIDS/$BASHPID"
  exec "$@"
)
code=$?
if [ "$code" -eq 75 ]; then
  : > "$STOOL_AGAIN" && exit 0
fi
exit "$code"
