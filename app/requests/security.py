"""Headers that keep a page to itself: what it may load, who may frame it, what it may ask for."""

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
    """The policy of a page, with exceptions: ``page_csp(frame_src="'self'")``."""
    rules = _PAGE | {name.replace("_", "-"): source for name, source in allowed.items()}
    return "; ".join(f"{name} {source}" for name, source in rules.items())


PAGE_CSP = page_csp()
"""Our own pages: nothing inline, nothing from elsewhere."""

DATA_CSP = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Whatever is not a page."""

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
"""Stored figures carry inline scripts and our Plotly; the sandbox gives them an origin of their
own, so they reach neither the API nor any other page. Our page about a figure frames it."""

STORED_IMAGE_CSP = f"sandbox; {DATA_CSP}; style-src 'unsafe-inline'; img-src data:"
"""An SVG is a document too: it may style itself, and run nothing."""

STORED_PDF_CSP = f"{DATA_CSP}; object-src 'self'; style-src 'unsafe-inline'"
"""Browsers show PDF by a viewer of their own, which a sandbox would keep from starting."""

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
    """Add the headers to every response of ``app``; a view may have set its own."""
    app.after_request(add_headers)


def add_headers(response: Response) -> Response:
    """Fill in what the view has not set."""
    for name, value in COMMON.items():
        response.headers.setdefault(name, value)
    if request.is_secure:  # a proxy that is trusted says so
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    own_page = response.mimetype == "text/html"
    response.headers.setdefault("Content-Security-Policy", PAGE_CSP if own_page else DATA_CSP)
    return response
