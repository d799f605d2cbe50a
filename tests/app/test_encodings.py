"""Compression: the encoding that a client likes best, and none that it refuses."""

import pytest
from flask.testing import FlaskClient

URLS = ["/", "/gallery", "/openapi.json", "/api/visualizations", "/static/css/base.css"]
"""Pages, answers of the API with and without a cache, and a static file."""


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip;q=0", None),
        ("gzip;q=0.000", None),
        ("gzip; q=0 , br;q=0", None),
        ("*;q=0", None),
        ("gzip;q=0, *", "br"),
        ("br;q=0, *", "gzip"),
        ("br;q=0.2, gzip;q=0.8", "gzip"),
        ("identity, gzip;q=0.5", None),
        ("identity;q=0.5, gzip", "gzip"),
        ("deflate, zstd", None),
        ("gzip, deflate, br, zstd", "br"),
        ("*", "br"),
        ("", None),
    ],
)
def test_the_encoding_is_one_that_the_client_accepts(
    client: FlaskClient, url: str, accepted: str, encoding: str | None
) -> None:
    response = client.get(url, headers={"Accept-Encoding": accepted})
    assert response.status_code == 200
    assert response.headers.get("Content-Encoding") == encoding
    assert "Accept-Encoding" in response.headers["Vary"]
