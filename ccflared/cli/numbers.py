"""From the parsed words to the command, of those about what happened: usage, requests, logs, doctor and the like."""

from argparse import Namespace

from ccflared.cli.status import Question
from ccflared.errors import UsageError


def run(asked: Namespace, question: Question) -> int:
    """Run the command and return its exit code. Each is imported only where it is asked for."""
    if asked.command in ("requests", "logs") and not asked.number and not asked.follow:
        raise UsageError(f"ccflared {asked.command}: 0 is no number from 1 to 1000; -n 0 goes with -f")
    match asked.command:
        case "usage":
            from ccflared.cli.usage import Wanted, usage  # noqa: PLC0415

            since = asked.since if asked.since is not None else "24h" if asked.by == "hour" else "7d"
            return usage(question, Wanted(asked.by, since, json=asked.json, csv=asked.csv))
        case "requests":
            from ccflared.cli.requests import Filter, requests  # noqa: PLC0415

            wanted = Filter(
                asked.account,
                asked.status,
                asked.client,
                asked.model,
                asked.project,
                asked.conversation,
                asked.search,
            )
            return requests(question, wanted, number=asked.number, following=asked.follow, json=asked.json)
        case "request":
            from ccflared.cli.request import request  # noqa: PLC0415

            return request(question, asked.id, body=asked.body, json=asked.json)
        case "logs":
            from ccflared.cli.logs import Kept, logs  # noqa: PLC0415

            kept = Kept(asked.level, asked.account, asked.request)
            return logs(question, kept, number=asked.number, following=asked.follow, json=asked.json)
        case "doctor":
            from ccflared.cli.doctor import doctor  # noqa: PLC0415

            return doctor(question, full=asked.full, rebuild=asked.rebuild_totals, json=asked.json)
        case "backup":
            from ccflared.cli.storage import backup  # noqa: PLC0415

            return backup(question, asked.path, force=asked.force, payloads=asked.payloads)
        case "payloads":
            from ccflared.cli.storage import purge  # noqa: PLC0415

            return purge(question, sure=asked.yes, json=asked.json)
        case _:
            from ccflared.cli import alert  # noqa: PLC0415

            match asked.word:
                case "list":
                    return alert.listed(question, json=asked.json)
                case "acknowledge":
                    return alert.acknowledge(question, asked.id, json=asked.json)
                case _:
                    return alert.test(question, json=asked.json)
