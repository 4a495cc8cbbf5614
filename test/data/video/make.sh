#!/bin/bash
# make.sh CLIP: makes the videos beside it from the demo clip. Needs ffmpeg.
set -eu
clip=$(realpath "$1"); cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")"
scratch=$(mktemp -d) && trap 'rm -r "$scratch"' EXIT
ff() { ffmpeg -hide_banner -loglevel error -y "$@"; }
encode=(-c:v libx264 -preset veryslow -crf 34 -pix_fmt yuv420p -bitexact -map_metadata -1)
ff -i "$clip" -t 3 -an -vf scale=64:48 -c:v ffv1 "$scratch/even.mkv"
for kind in mp4 mkv; do
    ff -i "$scratch/even.mkv" -vf "select='lt(t,0.99)+not(mod(n,6))'" -fps_mode vfr "${encode[@]}" "vfr.$kind"
done
ff -i "$scratch/even.mkv" -vf "settb=1/1000,setpts='floor(N*33.37+random(1)*17)'" -fps_mode passthrough -enc_time_base 1/1000 \
    -c:v libvpx -b:v 20k -bitexact -map_metadata -1 -f webm -live 1 browser.webm
python3 - browser.webm <<'EOF'
import sys

path = sys.argv[1]
data = bytearray(open(path, "rb").read())
at = data.find(b"\x23\xe3\x83")  # DefaultDuration, of which browsers write none, becomes an empty element
size = data[at + 3] & 0x7F
data[at : at + 4 + size] = b"\xec" + bytes([0x80 | (2 + size)]) + bytes(2 + size)
open(path, "wb").write(data)
EOF
ff -i "$scratch/even.mkv" -vf "setpts='if(lt(N,15),N/30/TB,(N/30+3)/TB)'" -frames:v 30 -fps_mode vfr "${encode[@]}" pause.mp4
ff -i "$scratch/even.mkv" "${encode[@]}" -g 90 -bf 0 "$scratch/even.mp4"
ff -ss 1 -i "$scratch/even.mp4" -c copy -bitexact cut.mp4
ff -i "$scratch/even.mp4" -frames:v 15 -c copy -output_ts_offset 7 -bitexact late.mkv
ff -i "$scratch/even.mp4" -frames:v 15 -c copy -bsf:v h264_mp4toannexb -f h264 raw.h264
for piece in 0 5000 0; do
    ff -i "$scratch/even.mkv" -frames:v 10 "${encode[@]}" -bf 0 -output_ts_offset $piece -f mpegts -
done >jumps.ts
for kind in gif apng; do
    ff -i "$scratch/even.mkv" -vf "select='not(mod(n,3))*lt(n,13)+eq(n,27)+eq(n,42)',format=gray" -fps_mode vfr -f $kind "vfr.$kind"
done
