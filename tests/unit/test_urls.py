"""URLs of others are shown without what may be a credential."""

import pytest

from aicr_pytest.urls import bare_urls, in_url


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("http://10.0.0.1:9400/metrics", "http://10.0.0.1:9400/metrics"),
        ("http://10.0.0.1:9400/metrics?api_key=pl4nted", "http://10.0.0.1:9400/metrics?…"),
        ("https://user:pl4nted@hooks.test/x", "https://hooks.test/x"),
        ("https://pl4nted@hooks.test", "https://hooks.test"),
        ("https://user:pl4nted@pl4nted@hooks.test/", "https://hooks.test/"),
        ("https://hooks.test/x#pl4nted", "https://hooks.test/x?…"),
        ("HTTP://u:pl4nted@[fd00::1]:80/a", "HTTP://[fd00::1]:80/a"),
        (
            'Get "http://u:pl4nted@a.test/m?token=pl4nted": dial tcp: refused',
            'Get "http://a.test/m?…": dial tcp: refused',
        ),
        ("a@b.test, 3 > 2? no # comment", "a@b.test, 3 > 2? no # comment"),
        ("", ""),
        ("http://" * 50_000, "http://" * 50_000),
        ("http://" + "a@" * 50_000, "http://"),
    ],
)
def test_url_loses_user_and_query(text: str, bare: str) -> None:
    assert bare_urls(text) == bare


@pytest.mark.parametrize(
    ("host", "there"),
    [("10.0.0.1", "10.0.0.1"), ("a.test", "a.test"), ("fd00::1", "[fd00::1]"), ("[::1]", "[::1]")],
)
def test_host_stands_in_a_url_as_urls_have_it(host: str, there: str) -> None:
    assert in_url(host) == there
