# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Who may see the page."""

from __future__ import annotations

import pytest

from fer_ros.web.access import (
    Access,
    Bucket,
    Buckets,
    addresses,
    checked_token,
    invitation,
    is_invitation,
    is_loopback,
    new_token,
    parted_host,
    qr_code,
)

TOKEN = "a" * 27


@pytest.mark.parametrize(("host", "alone"), [
    ("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
    ("192.168.1.4", False), ("robot", False), ("", False),
])
def test_what_only_this_machine_reaches_is_known(host, alone):
    assert is_loopback(host) is alone


@pytest.mark.parametrize(("header", "name"), [
    ("localhost:8642", "localhost"), ("LocalHost", "localhost"), ("[::1]:80", "[::1]"), ("robot.local.", "robot.local"),
    ("", ""), ("a b", ""), ("user@localhost", ""), ("localhost:8642:1", ""), ("localhost/x", ""), ("localhost:port", ""),
    ("a" * 300, ""), ("localhost\r\nX: y", ""), ("é", ""),
])
def test_a_host_header_is_read_strictly(header, name):
    assert parted_host(header) == name


@pytest.mark.parametrize("host", ["localhost:8642", "127.0.0.1:8642", "127.0.0.1", "[::1]:9000", "localhost:9000"])
def test_on_loopback_its_own_names_are_ours(host):
    """On any port: an SSH tunnel gives it another."""
    assert Access("127.0.0.1").is_ours(host)


@pytest.mark.parametrize("host", [
    "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.5:8642", "0.0.0.0:8642", "", "robot.local",
])
def test_a_name_that_points_here_by_rebinding_is_not_ours(host):
    assert not Access("127.0.0.1").is_ours(host)


def test_beyond_loopback_addresses_and_the_machines_names_are_ours(monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "Robot")
    access = Access("0.0.0.0", TOKEN, names=("robot.example", ""))
    for host in ("192.168.1.4:8642", "[fe80::1]:8642", "robot:8642", "robot.local", "ROBOT.example", "localhost:8642"):
        assert access.is_ours(host), host
    for host in ("evil.example", "robot.local.evil.example", "robot.evil"):
        assert not access.is_ours(host), host


@pytest.mark.parametrize(("origin", "site", "same"), [
    (None, None, True), ("http://localhost:8642", "same-origin", True), ("http://localhost:8642", None, True),
    (None, "none", True), ("http://localhost:3000", "same-site", False), ("https://localhost:8642", None, False),
    ("http://evil.example", None, False), ("null", None, False), (None, "cross-site", False), (None, "same-site", False),
    ("http://localhost:8642.evil.example", None, False), ("", None, False),
])
def test_only_our_own_page_may_ask(origin, site, same):
    assert Access("127.0.0.1").is_same_site(origin, "localhost:8642", site) is same


def test_the_token_the_cookie_and_nothing_else_let_in():
    access = Access("0.0.0.0", TOKEN)
    assert access.lets_in(access.cookie, None)
    assert access.lets_in(None, f"Bearer {TOKEN}")
    for cookie, authorization in ((None, None), (TOKEN, None), ("", None), ("é", None), (None, TOKEN), (None, "Bearer "),
                                  (None, f"Bearer {TOKEN}x"), (None, "Bearer é"), (Access("0.0.0.0", "b" * 27).cookie, None)):
        assert not access.lets_in(cookie, authorization), (cookie, authorization)
    assert TOKEN not in access.cookie
    assert Access("127.0.0.1").lets_in(None, None)


def test_tokens_are_long_and_never_the_same():
    assert new_token() != new_token()
    assert len(new_token()) >= 26
    assert checked_token(new_token())
    for text in ("short", "a b" * 10, "a" * 200, "é" * 20, ""):
        with pytest.raises(ValueError, match="must be 16 to 128 letters"):
            checked_token(text)


def test_a_bucket_allows_a_burst_and_then_a_rate():
    now = [0.0]
    bucket = Bucket(2, 3, lambda: now[0])
    assert [bucket.take() for _ in range(5)] == [True, True, True, False, False]
    now[0] = 0.5
    assert [bucket.take() for _ in range(2)] == [True, False]
    now[0] = 1e6
    assert [bucket.take() for _ in range(5)] == [True, True, True, False, False]
    now[0] = 2e6
    assert bucket.has(3) and not bucket.has(4)
    assert bucket.take(2) and not bucket.take(2) and bucket.take(1)


def test_each_address_has_a_bucket_of_its_own():
    tries = Buckets(0.1, 3, lambda: 0.0)
    assert [tries["a"].take() for _ in range(4)] == [True, True, True, False]
    assert tries["b"].take()
    for i in range(5000):
        tries[f"10.0.{i}"].take()
    assert len(tries._buckets) <= 256


def test_the_printed_address_has_the_token_where_browsers_send_it_to_nobody():
    assert addresses("0.0.0.0", 8642, True, TOKEN, ["192.168.1.4", "fe80::1"]) == [
        f"https://192.168.1.4:8642/#token={TOKEN}", f"https://[fe80::1]:8642/#token={TOKEN}"]
    assert addresses("127.0.0.1", 80, False, "") == ["http://127.0.0.1:80/"]
    assert len(addresses("0.0.0.0", 80, False, TOKEN)) == 1


def test_what_invites_to_the_page_is_told_from_other_secrets():
    address = f"http://192.168.1.4:8642/#token={TOKEN}"
    assert is_invitation(invitation(address))
    assert is_invitation(invitation(f"https://[fe80::1]:8642/#token={TOKEN}"))
    assert is_invitation(invitation(address, "robot/left"))
    others = (address, f"open rtsp://camera/#token={TOKEN}", f"open http://me:secret@camera/#token={TOKEN}", "", "open",
              f"open http://camera/secret/#token={TOKEN}", f"open {address}&password=x",
              f"open {address} for a password", f"open {address} for ", f"cannot {invitation(address)}")
    assert not any(is_invitation(line) for line in others)


def test_the_code_can_be_scanned(tmp_path):
    """Drawn as the terminal shows it, and read again by OpenCV."""
    cv2, np = pytest.importorskip("cv2"), pytest.importorskip("numpy")
    pytest.importorskip("segno")
    text = f"http://192.168.1.4:8642/#token={TOKEN}"
    lines = qr_code(text).splitlines()
    assert {len(line) for line in lines} == {len(lines[0])}
    upper = [[one in "█▀" for one in line] for line in lines]
    lower = [[one in "█▄" for one in line] for line in lines]
    light = np.array([row for pair in zip(upper, lower, strict=True) for row in pair], np.uint8) * 255
    found, _, _ = cv2.QRCodeDetector().detectAndDecode(cv2.resize(light, None, fx=8, fy=8, interpolation=cv2.INTER_NEAREST))
    assert found == text
    assert all(is_invitation(line) for line in lines)
