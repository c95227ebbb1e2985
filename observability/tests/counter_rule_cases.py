"""When alerts that count seldom things fire though, or because, samples are missing."""

from .rule_cases import DEAD, DEAD_SAID, ORDER, PARKED, WATCHED, Case

CASES = (
    Case(
        alert="DeadLetters",
        name="none more, and the process was not reached for a moment",
        series={DEAD: "3x20 stale 3x60"},
        fires=dict.fromkeys(range(10, 60)),
    ),
    Case(
        alert="DeadLetters",
        name="none more, and Prometheus was away",
        series={DEAD: "3x20 _x9 3x60", WATCHED: "1x20 _x9 1x60"},
        fires=dict.fromkeys(range(10, 80)),
    ),
    Case(
        alert="DeadLetters",
        name="none more, and Prometheus lost what it knew",
        series={DEAD: "_x20 3x60", WATCHED: "_x20 1x60"},
        fires=dict.fromkeys(range(10, 70)),
    ),
    Case(
        alert="DeadLetters",
        name="the first one of a process that was started again in its pod",
        series={DEAD: "3x20 stale _x12 1x60"},
        fires={30: None, 35: ORDER},
        summary=DEAD_SAID,
    ),
    Case(
        alert="MessagesParked",
        name="none more, and the process was not reached for a while",
        series={PARKED: "3x40 stale _x10 3x60"},
        fires=dict.fromkeys(range(30, 100)),
    ),
)
