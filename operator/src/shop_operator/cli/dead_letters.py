"""`kubectl shop dead-letters list|show|redrive`: messages that consumers could not handle."""

import argparse
import sys
from collections.abc import Sequence

from shop_operator.cli import dead_letter_log
from shop_operator.cli.dead_letter_log import DeadLetter, GoneError
from shop_operator.cli.in_operator import add_kafka, with_kafka
from shop_operator.cli.kafka_log import KafkaLog
from shop_operator.cli.output import add_format, show
from shop_operator.settings import Settings

_ERROR_WIDTH = 60


def add_to(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser
) -> None:
    """Add the command."""
    command = commands.add_parser("dead-letters", help="list, show, redrive")
    verbs = command.add_subparsers(dest="verb", required=True)
    listing = verbs.add_parser("list", parents=[common], help="list dead letters")
    showing = verbs.add_parser("show", parents=[common], help="show all of one dead letter")
    redriving = verbs.add_parser("redrive", parents=[common], help="send dead letters back")
    showing.add_argument("id", help="topic:partition:offset, from the list")
    redriving.add_argument("ids", nargs="*", metavar="id", help="from the list")
    redriving.add_argument("--all", action="store_true", help="all that the filters leave")
    for verb in (listing, redriving):
        verb.add_argument("--reason", help="only of this reason: handler_error, not_json, …")
        verb.add_argument("--group", help="only of this consumer group")
    for verb in (listing, showing):
        add_format(verb)
    for verb in (listing, showing, redriving):
        add_kafka(verb)
        verb.set_defaults(alone=run)


async def run(platform: Settings, options: argparse.Namespace) -> int:
    """Run the verb; return the exit code."""
    if options.verb == "redrive" and not (
        options.ids or options.reason or options.group or options.all
    ):
        return _refuse("say which: ids, --reason, --group or --all")
    verbs = {"list": _list, "show": _show, "redrive": _redrive}

    async def read(log: KafkaLog) -> int:
        return await verbs[options.verb](log, options)

    return await with_kafka(platform, options, read, _words(options))


async def _list(log: KafkaLog, options: argparse.Namespace) -> int:
    found = [letter.data() for letter in await _chosen(log, options)]
    lines = [
        f"{each['id']}  {each['reason']}  {each['type']}  key={each['key']}"
        f"  {(each['error'] or '').splitlines()[0][:_ERROR_WIDTH] if each['error'] else ''}"
        for each in found
    ]
    show(found, "\n".join(lines) or "no dead letters", options.output)
    return 0


async def _show(log: KafkaLog, options: argparse.Namespace) -> int:
    for letter in await dead_letter_log.open_letters(log):
        if letter.id == options.id:
            data = letter.data()
            text = "\n".join(f"{name}: {value}" for name, value in data.items())
            show(data, text, options.output)
            return 0
    return _refuse(f"no dead letter {options.id}, or it has been sent back")


async def _redrive(log: KafkaLog, options: argparse.Namespace) -> int:
    chosen = await _chosen(log, options)
    missing = set(options.ids) - {letter.id for letter in chosen}
    if missing:
        return _refuse(f"no dead letter {', '.join(sorted(missing))}, or it has been sent back")
    try:
        count = await dead_letter_log.redrive(log, chosen)
    except GoneError as error:
        return _refuse(str(error))
    sys.stdout.write(f"sent back: {count}\n")
    return 0


async def _chosen(log: KafkaLog, options: argparse.Namespace) -> list[DeadLetter]:
    ids: Sequence[str] = getattr(options, "ids", ())
    return [
        letter
        for letter in await dead_letter_log.open_letters(log)
        if (not ids or letter.id in ids)
        and options.reason in {None, letter.message.header("dlt_reason")}
        and options.group in {None, letter.message.header("dlt_group")}
    ]


def _words(options: argparse.Namespace) -> list[str]:
    """Return the command again, for the operator's pod."""
    words = ["dead-letters", options.verb, *getattr(options, "ids", ())]
    if options.verb == "show":
        words.append(options.id)
    for name in ("reason", "group", "output"):
        if value := getattr(options, name, None):
            words += [f"--{name}", value]
    return [*words, "--all"] if getattr(options, "all", False) else words


def _refuse(message: str) -> int:
    sys.stderr.write(f"kubectl shop: {message}\n")
    return 2
