import base64
import json

from load.vegeta import Report, Target


def test_a_target_carries_its_body_as_json() -> None:
    told = json.loads(Target("POST", "http://shop/v1/orders", {"A": "b"}, {"n": 1}).line())
    assert told["header"] == {"A": ["b"], "Content-Type": ["application/json"]}
    assert json.loads(base64.b64decode(told["body"])) == {"n": 1}


def test_a_report_tells_milliseconds() -> None:
    told = {
        "throughput": 9.5,
        "latencies": {"50th": 1_000_000, "99th": 20_000_000},
        "status_codes": {"201": 95, "503": 5},
        "success": 0.95,
    }
    report = Report.of(json.dumps(told))
    assert (report.p50, report.p99, report.statuses["201"]) == (1.0, 20.0, 95)
