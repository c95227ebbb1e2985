"""What the gateway's answers may do in a browser: those with data nothing, its pages a little."""

import re

from shop_shared.http.security_headers import Headers

API_POLICY = b"default-src 'none'; frame-ancestors 'none'"
"""Of answers that are data: nothing may be loaded, run or framed."""
PAGE_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; "
    b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Of the API's reader: all code and styles are files of this origin."""

_PAGES = re.compile(r"/docs(?:/.*)?")


def of_path(path: str) -> Headers:
    """Return the policy of a path's answers."""
    policy = PAGE_POLICY if _PAGES.fullmatch(path) else API_POLICY
    return ((b"content-security-policy", policy), (b"referrer-policy", b"no-referrer"))
