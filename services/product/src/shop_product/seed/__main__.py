"""`python -m shop_product.seed write|upload`: make the catalogue, send it through the front door.

    … write --count 300 > manifests/seed/catalogue.ndjson
    … upload manifests/seed/catalogue.ndjson          (`make seed`)
    … upload --count 100000 --start 300               (`make seed-large`)

It signs in as an administrator: SHOP_URL, ADMIN_EMAIL, ADMIN_PASSWORD. Run it again as often as you
like: what is there and unchanged stays.
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator

import httpx
import orjson

from shop_product.seed.catalogue import products

CHUNK_BYTES = 4 * 1024 * 1024
TOKEN_S = 300
"""Sign in again after this long: a token lasts ten minutes, a large catalogue may take longer."""


def main() -> int:
    """Do what the command line says; 1 when a line was refused or the shop cannot be reached."""
    parser = argparse.ArgumentParser(
        prog="python -m shop_product.seed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=["write", "upload"])
    parser.add_argument(
        "file",
        nargs="?",
        type=argparse.FileType("rb"),
        help="NDJSON; none: products made up now",
    )
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--start", type=int, default=0)
    options = parser.parse_args()
    lines = (
        options.file.read().splitlines()
        if options.file
        else (orjson.dumps(product) for product in products(options.count, start=options.start))
    )
    if options.command == "write":
        sys.stdout.buffer.writelines(line + b"\n" for line in lines)
        return 0
    try:
        return upload(iter(lines))
    except httpx.HTTPStatusError as error:
        sys.stderr.write(
            f"{error.request.url}: {error.response.status_code} {error.response.text}\n"
        )
    except httpx.HTTPError as error:
        sys.stderr.write(f"cannot reach the shop: {error}\n")
    return 1


def upload(lines: Iterator[bytes]) -> int:
    """Send the lines, some megabytes a request, and say what became of them."""
    url = os.environ.get("SHOP_URL", "http://127.0.0.1:8080")
    total: Counter[str] = Counter()
    begun = time.monotonic()
    with httpx.Client(base_url=url, timeout=120) as shop:
        signed_in = float("-inf")
        for chunk in chunks(lines):
            if time.monotonic() - signed_in > TOKEN_S:
                sign_in(shop)
                signed_in = time.monotonic()
            answer = shop.post(
                "/v1/products/import",
                content=chunk,
                headers={"Content-Type": "application/x-ndjson"},
            ).raise_for_status()
            for text in answer.content.splitlines():
                result = orjson.loads(text)
                total[result["status"]] += 1
                if result["status"] == "invalid":
                    sys.stderr.write(f"line {result['line']}: {result['errors']}\n")
            said = ", ".join(f"{count} {status}" for status, count in sorted(total.items()))
            sys.stdout.write(f"{said} ({time.monotonic() - begun:.0f} s)\n")
    return 1 if total["invalid"] else 0


def sign_in(shop: httpx.Client) -> None:
    """Get a token; without ADMIN_EMAIL and ADMIN_PASSWORD as the development administrator."""
    grant = {
        "grant_type": "password",
        "email": os.environ.get("ADMIN_EMAIL", "admin@minishop.dev"),
        "password": os.environ.get("ADMIN_PASSWORD", "development-only"),
    }
    tokens = shop.post("/v1/auth/token", json=grant).raise_for_status().json()
    shop.headers["Authorization"] = f"Bearer {tokens['access_token']}"


def chunks(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Put lines together up to CHUNK_BYTES."""
    chunk = bytearray()
    for line in lines:
        if chunk and len(chunk) + len(line) >= CHUNK_BYTES:
            yield bytes(chunk)
            chunk.clear()
        chunk += line + b"\n"
    if chunk:
        yield bytes(chunk)


if __name__ == "__main__":
    sys.exit(main())
