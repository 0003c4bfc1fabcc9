"""What it costs to admit a request by its client's key, with one client and with 5 000. See README.md."""

import argparse
from statistics import median
from time import perf_counter_ns, process_time_ns

from ccflared.config.model import Budget, Client, Config
from ccflared.daemon.access import Door, Peer, Rights, admit_request, check_expiry, digest
from ccflared.daemon.clients import Clients

DOOR = Door("127.0.0.1:1", "loopback", frozenset({"requests"}))
PEER = Peer("127.0.0.1", forwarded=False)


def admit(clients: int, rounds: int) -> tuple[float, float]:
    """Return the median time of a look-up alone, and of all that admits a request, in microseconds."""
    names = [f"client-{number}" for number in range(clients)]
    known = {
        name: Client(name, budget=Budget(daily=10.0, monthly=100.0), requests_per_hour=10**9)
        for name in names
    }
    config = Config(clients=known)
    rights = Rights({digest(f"key-of-{name}-{'x' * 40}"): name for name in names}, None, False, False, False)
    used = Clients()
    looked, whole = [], []
    for number in range(rounds):
        asks = names[number * 7919 % clients]
        fields = {b"x-api-key": f"key-of-{asks}-{'x' * 40}".encode()}
        begun = perf_counter_ns()
        name = admit_request(rights, DOOR, PEER, "127.0.0.1", fields)
        found = perf_counter_ns()
        check_expiry(config, name, 0.0)
        at = 1.8e9 + number / 100
        used.admit(config.clients[name or ""], at, None)
        used.ended(name or "", at, spends=True, sent=True)
        whole.append(perf_counter_ns() - begun)
        looked.append(found - begun)
    return median(looked) / 1000, median(whole) / 1000


def main() -> None:
    """Print a row for each number of clients."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=200_000)
    rounds = options.parse_args().rounds
    begun = process_time_ns()
    for clients in (1, 5000, 1, 5000):
        looked, whole = admit(clients, rounds)
        print(f"{clients:>5} clients: key {looked:.2f} us, key and limits {whole:.2f} us")
    print(f"{(process_time_ns() - begun) / 1e9:.1f} s of the processor")


if __name__ == "__main__":
    main()
