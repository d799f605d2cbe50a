"""Security headers: the sources that a page may load, the pages that may frame it and the
permissions it has.
"""

from flask import Flask, Response, request

_PAGE = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}


def page_csp(**allowed: str) -> str:
    """Return the content security policy of a page with exceptions, as in
    ``page_csp(frame_src="'self'")``.
    """
    rules = _PAGE | {name.replace("_", "-"): source for name, source in allowed.items()}
    return "; ".join(f"{name} {source}" for name, source in rules.items())


PAGE_CSP = page_csp()
"""Content security policy of our own pages: no inline scripts or styles, no other origin."""

DATA_CSP = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Content security policy of every response that is not a page."""

STORED_HTML_CSP = "; ".join(
    [
        "sandbox allow-scripts",
        "default-src 'none'",
        "script-src 'self' 'unsafe-inline'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    ]
)
"""Content security policy of stored HTML figures. They contain inline scripts and load our Plotly.
The sandbox gives them an origin of their own, so that they reach neither the API nor another page.
Only our page about a figure may frame it."""

STORED_IMAGE_CSP = f"sandbox; {DATA_CSP}; style-src 'unsafe-inline'; img-src data:"
"""Content security policy of stored images. An SVG is a document too: it may contain styles, but it
runs no scripts."""

STORED_PDF_CSP = f"{DATA_CSP}; object-src 'self'; style-src 'unsafe-inline'"
"""Content security policy of stored PDF files. Browsers show a PDF in a built-in viewer, which a
sandbox would block."""

COMMON = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), "
    "browsing-topics=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def register(app: Flask) -> None:
    """Add the security headers to every response of ``app``, except those that a view has set."""
    app.after_request(add_headers)


def add_headers(response: Response) -> Response:
    """Add the security headers that the view has not set."""
    for name, value in COMMON.items():
        response.headers.setdefault(name, value)
    if request.is_secure:  # as a trusted proxy reports
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    own_page = response.mimetype == "text/html"
    response.headers.setdefault("Content-Security-Policy", PAGE_CSP if own_page else DATA_CSP)
    return response
