"""What a gateway's pod says that it serves, and how often it is asked and hastened."""

import pytest

from shop_operator.gateway_report import HASTENS_UNHEARD, Report, UnreadableReportError, Wanted

WANTED = Wanted({"orders": "v2"}, {"orders": frozenset({"10.0.0.1", "10.0.0.2"})})
SERVED = b'{"routes": {"orders": {"version": "v2", "addresses": ["10.0.0.2"]}}}'


def told(answer: bytes, *asked: str) -> Report:
    """Return the report of a pod that answered this."""
    report = Report("gateway-1")
    report.take(answer, asked)
    return report


def test_a_pod_that_has_not_answered_serves_nothing() -> None:
    assert not Report("gateway-1").serves(WANTED)
    assert not Report("gateway-1").serves(Wanted({}, {}))


def test_the_wanted_entries_with_one_known_pod_each_are_served() -> None:
    assert told(SERVED, "orders").serves(WANTED)
    assert told(b'{"routes": {}}').serves(Wanted({}, {}))


@pytest.mark.parametrize(
    "answer",
    [
        b'{"routes": {}}',
        b'{"routes": {"orders": {"version": "v1", "addresses": ["10.0.0.2"]}}}',
        b'{"routes": {"orders": {"version": "v2", "addresses": []}}}',
        b'{"routes": {"orders": {"version": "v2", "addresses": ["10.0.0.9"]}}}',
        SERVED.replace(b"}}}", b'}, "gone": {"version": "v1"}}}'),
    ],
    ids=["no entry", "an older entry", "no pod", "former pods", "a removed entry"],
)
def test_what_is_not_served(answer: bytes) -> None:
    assert not told(answer, "orders").serves(WANTED)


def test_a_service_without_ready_pods_needs_its_entry_only() -> None:
    assert told(b'{"routes": {"orders": {"version": "v2"}}}').serves(
        Wanted({"orders": "v2"}, {"orders": frozenset()})
    )


def test_what_was_not_asked_about_stays_known_until_its_pods_have_gone() -> None:
    report = told(SERVED, "orders")
    report.take(b'{"routes": {"orders": {"version": "v2", "addresses": []}}}', ())
    assert report.serves(WANTED)
    report.forget_addresses("orders")
    assert not report.serves(WANTED)
    report.take(SERVED, ["orders"])
    report.take(b'{"routes": {"orders": {"version": "v2", "addresses": []}}}', ["orders"])
    assert not report.serves(WANTED)


@pytest.mark.parametrize(
    "answer", [b"", b"[]", b"{}", b'{"routes": []}', b'{"routes": {"orders": {}}}', b"not json"]
)
def test_another_answer_is_refused_and_changes_nothing(answer: bytes) -> None:
    report = told(SERVED, "orders")
    with pytest.raises(UnreadableReportError):
        report.take(answer, ["orders"])
    assert report.serves(WANTED)


def test_the_longer_it_lasts_the_more_seldom_it_is_asked() -> None:
    report = told(b'{"routes": {}}')
    waits = [report.wait(WANTED, 100.0 + passed) for passed in (0, 4, 20, 1000)]
    assert waits == [0.3, 1.0, 5.0, 15.0]
    another = Wanted({"orders": "v3"}, WANTED.addresses)
    assert report.wait(another, 1100.0) == 0.3  # another table: often again
    report.take(SERVED, ["orders"])
    assert report.wait(WANTED, 1101.0) is None


def test_a_pod_with_an_older_table_is_hastened_ever_more_seldom() -> None:
    report = told(b'{"routes": {}}')
    report.wait(WANTED, 100.0)
    times = [t / 10 for t in range(1000, 1600) if report.hasten(WANTED, t / 10)]
    assert times == [100.0, 101.5, 103.0, 106.0, 112.0, 124.0, 148.0]
    report.take(SERVED, ["orders"])
    assert not report.hasten(WANTED, 1000.0)


def test_a_pod_that_says_nothing_is_hastened_after_a_change_only() -> None:
    report = Report("gateway-1")
    assert not report.hasten(WANTED, 100.0)
    report.hastens = HASTENS_UNHEARD
    times = [t for t in range(100, 200) if report.hasten(WANTED, float(t))]
    assert times == [100, 102]
