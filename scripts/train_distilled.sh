#!/bin/sh
# The large recipe in one command: two teachers, the network that ships taught by them, its ONNX file and its evaluation.
#
#   scripts/train_distilled.sh DATA OUT [options of `fer-ros train` for every run]
#
# Made for a GPU. Interrupted, the same command goes on where it was. In a clone without an installation:
# FER_ROS="python3 -m fer_ros.cli". To rehearse: scripts/train_distilled.sh DATA OUT --fraction 0.02 --set epochs=1
set -eu
if [ $# -lt 2 ]; then
  sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
data=$1 out=$2
shift 2
fer_ros=${FER_ROS:-fer-ros}

for seed in 1 2; do
  $fer_ros train --data "$data" --out "$out/teacher$seed" --recipe teacher --set "seed=$seed" "$@"
done
$fer_ros train --data "$data" --out "$out/distilled" --recipe distilled \
  --teacher "$out/teacher1" --teacher "$out/teacher2" "$@"
$fer_ros export "$out/distilled" --data "$data" --out "$out/model" --int8
$fer_ros evaluate "$out/model/emotion.onnx" --data "$data" --out "$out/report" --card "$out/model/MODEL_CARD.md"
