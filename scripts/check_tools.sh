#!/bin/sh
# check_tools.sh PYTHON: is everything here that a build needs? Names what is missing by its Debian package, all at once, and
# downloads nothing. A shell script, because the missing tool may be Python.
python=$1
problems=0

missing() {
  # "$*": a message may be written in several strings
  echo "fer_ros: $*" >&2
  problems=1
}

command -v "${CC:-cc}" >/dev/null 2>&1 || missing "no C compiler (${CC:-cc}): install the Debian package build-essential"
command -v "${CXX:-c++}" >/dev/null 2>&1 || missing "no C++ compiler (${CXX:-c++}): install the Debian package build-essential"

if [ "$(uname -s)-$(uname -m)" != Linux-x86_64 ]; then
  missing "the ROS 2 wheels are for Linux on x86-64, this is $(uname -s) on $(uname -m): build in a ROS installation with colcon"
fi

if ! command -v "$python" >/dev/null 2>&1; then
  missing "no ${python:-python3}: install the Debian package python3 (Python 3.10 to 3.13)"
elif ! "$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))'; then
  missing "$python is $("$python" --version 2>&1), and the ROS 2 wheels are for Python 3.10 to 3.13:" \
    "install one (Debian package python3.12, for example) and name it with: make PYTHON=python3.12"
else
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  "$python" -c 'import ensurepip, venv' 2>/dev/null ||
    missing "$python cannot make virtual environments: install the Debian package python$version-venv"
  header=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h
  [ -f "$header" ] || missing "$python has no headers ($header): install the Debian package python$version-dev"
fi
exit $problems
