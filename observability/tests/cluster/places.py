"""Where the layer answers on the embedded cluster, and where a run leaves its pictures."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PICTURES = ROOT / ".artefacts" / "observability"
"""Where a run leaves its pictures of the pages."""
PAGES = "http://127.0.0.1:9300"
MAILBOX = "http://127.0.0.1:8025"
PROMETHEUS = "http://127.0.0.1:9090"
ZIPKIN = "http://127.0.0.1:9411"
