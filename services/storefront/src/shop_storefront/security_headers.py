"""How little a page may do (OWASP's CSP cheat sheet)."""

from shop_shared.http.security_headers import Headers

POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Everything is a file of this origin; nothing inline, nobody frames a page."""

_HEADERS: Headers = (
    (b"content-security-policy", POLICY),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


def of_path(_path: str) -> Headers:
    """Return the same headers for every page and file."""
    return _HEADERS
