# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A source's secrets: shown nowhere, and taken from elsewhere."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

import pytest

from fer_ros import cli
from fer_ros.media.frames import SourceUnavailable
from fer_ros.media.source import open_source
from fer_ros.media.source_name import SourceError, filled_in, has_secret, is_finite, without_secrets
from fer_ros.media.source_params import SourceParams

SECRET = [
    "rtsp://me:s3cret@cam:554/live", "RTSP://me:s3cret@cam:554/live", " rtsp://me:s3cret@cam:554/live", "rtsp://s3cret@cam:554/live",
    "rtsp://me:a/s3cret@cam:554/live", "rtsp://me:12/s3cret@cam:554/live", "rtsp://me:s3cret/b@cam:554/live",
    "rtsp://me:a?s3cret@cam:554/live", "rtsp://me:s3cret#b@cam:554/live", "rtsp://me:a@s3cret@cam:554/live",
    "rtsp://me:12?s3cret@cam:554/live?channel=1",
    "rtsp://cam:554/live?user=me&password=s3cret", "rtsp://cam:554/user=me&password=s3cret&channel=1", "http://cam:554/live?s3cret",
    "http://cam:554/live?token=s3cret", "http://cam:554/live?channel=1&sig=s3cret", "http://cam:554/live#s3cret",
    "http://cam:554/live;password=s3cret", "http://cam:554/token/s3cret/live", "rtsps://cam:554/s3cretAbCdEf42?enableSrtp",
    "rtspsrc location=rtsp://me:s3cret@cam:554/live ! decodebin", "rtspsrc location=rtsp://cam:554/live user-pw=s3cret",
    "rtsp:/me:s3cret@cam:554/live", "me:s3cret@cam:554/live", "http://me:s3cret@[::1]:554/cam",
]


@pytest.mark.parametrize("source", SECRET)
def test_no_form_of_a_secret_is_shown(source):
    shown = without_secrets(source)
    assert "s3cret" not in shown
    assert "554" in shown
    assert has_secret(source)
    assert "s3cret" not in without_secrets(f"source '{source}' does not exist")


@pytest.mark.parametrize("text", ["x", "a:", "me@", "auth", "1.+-a"])
def test_a_long_text_is_looked_through_once_and_not_from_each_of_its_letters(text):
    """A tenth of a second, and by the square of its length half an hour: no machine is so slow that it would not be told."""
    code = f"from fer_ros.media.source_name import without_secrets; without_secrets({text!r} * 100_000)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


@pytest.mark.parametrize("source", SECRET)
def test_no_error_of_opening_shows_it(source, monkeypatch):
    monkeypatch.setattr("cv2.VideoCapture", lambda *arguments: Closed())
    with pytest.raises((SourceError, SourceUnavailable)) as raised:
        open_source(SourceParams(source=source))
    assert "s3cret" not in str(raised.value)


class Closed:
    def isOpened(self):
        return False

    def release(self):
        pass


@pytest.mark.parametrize("source", [
    "0", "/dev/video0", "demo", "video.mp4", "/home/me//a@b.mp4", "file:///home/me/a@b.mp4", "rtsp://cam:554/live", "http://cam/video.mp4",
    "rtsp://cam/Streaming/Channels/101", "http://cam/cam/realmonitor?channel=1&subtype=0", "rtsp://cam/axis-media/media.amp",
    "rtsp://[::1]:8554/stream1", "udp://239.0.0.1:5000", "12:30.mp4", "a=b.mp4",
])
def test_what_is_no_secret_is_shown(source):
    assert without_secrets(source) == source
    assert not has_secret(source)


def test_a_file_that_is_there_keeps_its_name(tmp_path):
    name = tmp_path / "me:password=x@cam.mp4"
    name.touch()
    assert without_secrets(str(name)) == str(name)


def test_a_secret_comes_from_the_environment_and_is_encoded_where_it_must_be(monkeypatch):
    monkeypatch.setenv("CAM_USER", "me")
    monkeypatch.setenv("CAM_PASSWORD", "a/b?c#d@e:f\n")
    monkeypatch.setenv("CAM_HOST", "cam:554")
    monkeypatch.setenv("CAM_URL", "rtsp://me:a%2Fb@cam/live?x=1")
    assert filled_in("rtsp://${CAM_USER}:${CAM_PASSWORD}@${CAM_HOST}/live") == "rtsp://me:a%2Fb%3Fc%23d%40e%3Af@cam:554/live"
    assert filled_in("http://${CAM_HOST}/live?pw=${CAM_PASSWORD}") == "http://cam:554/live?pw=a%2Fb%3Fc%23d%40e%3Af"
    assert filled_in(" ${CAM_URL} ") == "rtsp://me:a%2Fb@cam/live?x=1"
    assert not is_finite("${CAM_URL}")
    assert has_secret("${CAM_URL}")
    with pytest.raises(SourceError, match="variable NO_SUCH_VARIABLE, which the source names, is not set"):
        filled_in("rtsp://me:${NO_SUCH_VARIABLE}@cam/live")


def test_a_source_comes_from_the_first_line_of_a_file(tmp_path):
    file = tmp_path / "camera.url"
    file.write_text("rtsp://me:s3cret@cam/live\nanother line\n", encoding="utf-8")
    assert filled_in(f"@{file}") == "rtsp://me:s3cret@cam/live"
    assert not is_finite(f"@{file}")
    for content, reason in ((b"", "names no source"), (b"\xff\xfe\0", "no text"), (b"@loop", "names no source"),
                            (b"\0" * 9000, "names no source")):
        file.write_bytes(content)
        with pytest.raises(SourceError, match=reason):
            filled_in(f"@{file}")
    with pytest.raises(SourceError, match=r"nowhere' *, whose first line is the source, cannot be read: No such file"):
        filled_in(f"@{tmp_path}/nowhere")
    os.mkfifo(tmp_path / "pipe")
    for name in (tmp_path / "pipe", tmp_path, "/dev/zero"):
        with pytest.raises(SourceError, match="not a file"):
            filled_in(f"@{name}")


def test_a_file_whose_name_looks_like_a_variable_is_that_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("${HOME}.mp4", "@home.mp4"):
        (tmp_path / name).touch()
        assert filled_in(name) == name


def test_it_is_filled_in_where_a_source_is_opened(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr("cv2.VideoCapture", lambda *arguments: opened.append(arguments[0]) or Closed())
    monkeypatch.setenv("CAM_PASSWORD", "s3cret")
    with pytest.raises(SourceUnavailable) as raised:
        open_source(SourceParams(source="rtsp://me:${CAM_PASSWORD}@cam/live"))
    assert opened == ["rtsp://me:s3cret@cam/live"]
    assert "s3cret" not in str(raised.value)


def test_others_do_not_see_a_secret_among_the_arguments(tmp_path):
    program = """
import sys
from pathlib import Path
from fer_ros.system.process_title import hide_secrets_in_arguments
hide_secrets_in_arguments()
print(repr((sys.argv[1:], Path("/proc/self/cmdline").read_bytes().split(bytes(1)))))
"""
    arguments = ["--source", "rtsp://me:s3cret@cam:554/live", "--namespace=robot", "source:=http://cam/v?token=s3cret"]
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True,
                          cwd=tmp_path)
    own, seen = ast.literal_eval(done.stdout)
    assert own == arguments
    assert b"s3cret" not in b" ".join(seen)
    assert [argument.rstrip() for argument in seen[-5:]] == [
        b"--source", b"rtsp://cam:554/live", b"--namespace=robot", b"source:=http://cam/v?token=***", b""]


@pytest.mark.parametrize("source", ["rtsp://me:s3cret@127.0.0.1:1", "rtsp://127.0.0.1:1/user=me&password=s3cret"])
def test_annotate_does_not_print_a_secret(source, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for more in ([], ["--topic", "/image"], ["-o", "a.mcap", "--table", "a.csv"]):
        with pytest.raises(SystemExit):
            cli.main(["annotate", source, *more])
    (tmp_path / "me:s3cret@127.0.0_annotated.mcap").touch()
    with pytest.raises(SystemExit):
        cli.main(["annotate", source])
    told = "".join(capsys.readouterr())
    assert "127.0" in told
    assert "s3cret" not in told
