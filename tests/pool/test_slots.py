"""Who may serve a request by the rules of the file alone: the client's rights, a pin, a chain, the pool, the maps."""

import pytest

from ccflared.config.chain_kinds import Step
from ccflared.config.model import Account, Client, Config, Fallback, Provider
from ccflared.pool.slots import Asking, Slot, Slots, left_out, slots

OPUS, SONNET = "claude-opus-4-5", "claude-sonnet-4-5"

ACCOUNTS = {
    account.name: account
    for account in (
        Account("primary", "plan"),
        Account("work", "plan"),
        Account("work two", "plan", pool=False),
        Account("router", "router", models={"opus": ("vendor/big", "vendor/mid")}),
        Account("mapped", "mapping"),
    )
}
PROVIDERS = {
    "plan": Provider(),
    "router": Provider(),
    "mapping": Provider(models={"sonnet": ("s-1",), "*": ("=",)}),
}
ALL = tuple(ACCOUNTS)


def config(*chains: Fallback) -> Config:
    return Config(providers=PROVIDERS, accounts=ACCOUNTS, fallback=chains)


def places(*chains: Fallback, model: str | None = OPUS, accounts: tuple[str, ...] = ALL, client: Client | None = None, pin: str | None = None) -> Slots:  # fmt: skip
    return slots(config(*chains), accounts, model, client, pin)


def chain(*steps: Step, models: tuple[str, ...] = ("opus",), then: str = "pool") -> Fallback:
    return Fallback(models, steps, "pool" if then == "pool" else "fail")


POOL = (
    Slot("primary", (OPUS,)),
    Slot("work", (OPUS,)),
    Slot("router", ("vendor/big", "vendor/mid")),
    Slot("mapped", (OPUS,)),
)


def test_without_a_chain_it_is_the_pool_in_the_order_of_the_file() -> None:
    assert places() == Slots(POOL)


def test_only_accounts_that_can_be_addressed_have_places() -> None:
    assert places(accounts=("router", "work")) == Slots((POOL[2], POOL[1]))
    assert places(accounts=()) == Slots(())


def test_a_map_is_a_filter() -> None:
    assert [slot.account for slot in places(model=SONNET).slots] == ["primary", "work", "mapped"]
    assert places(model=SONNET).slots[-1] == Slot("mapped", ("s-1",))


def test_where_no_model_is_asked_for_no_map_counts_and_no_chain() -> None:
    found = places(chain(Step(("work",)), models=("*",), then="fail"), model=None)
    assert found == Slots(tuple(Slot(name, (None,)) for name in ("primary", "work", "router", "mapped")))


# patterns of the client, who is left
RIGHTS: list[tuple[tuple[str, ...], list[str]]] = [
    (("*",), ["primary", "work", "router", "mapped"]),
    (("work",), ["work"]),
    (("w*", "router"), ["work", "router"]),
    (("*", "nobody"), ["primary", "work", "router", "mapped"]),
    (("nobody",), []),
    (("Work",), []),
]


@pytest.mark.parametrize(("patterns", "left"), RIGHTS)
def test_a_client_is_served_by_its_accounts_alone(patterns: tuple[str, ...], left: list[str]) -> None:
    client = Client("laptop", accounts=patterns)
    assert [slot.account for slot in places(client=client).slots] == left


def test_a_clients_rights_apply_to_chains_and_pins_too() -> None:
    client = Client("laptop", accounts=("work*",))
    through = places(chain(Step(("primary",)), Step(("work two",))), client=client)
    assert through.slots == (Slot("work two", (OPUS,), 1, chained=True), Slot("work", (OPUS,), 2))
    assert places(client=client, pin="primary") == Slots(())
    assert places(client=client, pin="work") == Slots((Slot("work", (OPUS,)),))


def test_a_pin_is_that_account_or_nobody_and_goes_by_no_chain() -> None:
    to = chain(Step(("primary",), "vendor/other"))
    assert places(to, pin="router") == Slots((Slot("router", ("vendor/big", "vendor/mid")),))
    assert places(to, pin="primary") == Slots((Slot("primary", (OPUS,)),))
    assert places(to, pin="work two") == Slots((Slot("work two", (OPUS,)),))
    assert places(to, pin="gone") == Slots(())
    assert places(pin="router", model=SONNET) == Slots(())


def test_a_chain_is_followed_step_by_step_and_then_come_those_that_it_does_not_name() -> None:
    found = places(chain(Step(("primary", "work")), Step(("router",), "vendor/huge")))
    assert found == Slots(
        (
            Slot("primary", (OPUS,), 0, chained=True),
            Slot("work", (OPUS,), 0, chained=True),
            Slot("router", ("vendor/huge",), 1, chained=True),
            Slot("mapped", (OPUS,), 2),
        ),
        "opus",
    )


def test_a_chain_may_end_without_the_pool() -> None:
    found = places(chain(Step(("work",)), then="fail", models=("opus", "sonnet")))
    assert found == Slots((Slot("work", (OPUS,), 0, chained=True),), "opus, sonnet")


def test_an_account_may_stand_in_a_chain_by_several_models() -> None:
    found = places(chain(Step(("router",), "vendor/big"), Step(("work",)), Step(("router",), "vendor/small"), then="fail"))  # fmt: skip
    assert [(slot.account, slot.models, slot.step) for slot in found.slots] == [
        ("router", ("vendor/big",), 0),
        ("work", (OPUS,), 1),
        ("router", ("vendor/small",), 2),
    ]


def test_a_step_without_a_model_goes_by_the_accounts_own_map_and_filter() -> None:
    found = places(chain(Step(("router", "mapped")), models=("sonnet",), then="fail"), model=SONNET)
    assert found.slots == (Slot("mapped", ("s-1",), 0, chained=True),)
    # with one, what is asked for needs no place in the map, and is not mapped again
    found = places(chain(Step(("router",), OPUS), models=("sonnet",), then="fail"), model=SONNET)
    assert found.slots == (Slot("router", (OPUS,), 0, chained=True),)


def test_who_is_kept_from_the_pool_may_stand_in_a_chain() -> None:
    found = places(chain(Step(("work two",)), then="fail"))
    assert found.slots == (Slot("work two", (OPUS,), 0, chained=True),)


def test_whoever_a_chain_names_and_cannot_be_addressed_is_left_out() -> None:
    found = places(chain(Step(("primary",)), Step(("work",))), accounts=("work", "router"))
    assert [slot.account for slot in found.slots] == ["work", "router"]


def test_a_chain_for_other_models_changes_nothing() -> None:
    assert places(chain(Step(("work",)), models=("sonnet",))) == Slots(POOL)


NOT_POOLED = "pool = false: only for chains and pins"
FILTERED = f"its models map other names of Claude's, but not {SONNET}"
TO_ROUTER = "the request is pinned to router"
NOT_HIS = "the client laptop may not use it"
ENDS = 'the chain ends before it (then = "fail")'
ONLY_WORK = Client("laptop", accounts=("work*",))
CHAIN = chain(Step(("primary", "router"), "vendor/huge"), then="fail")

# chains, what is asked for, what is said of those that have no place
LEFT: list[tuple[tuple[Fallback, ...], Asking, dict[str, str]]] = [
    ((), Asking(OPUS, None, None), {"work two": NOT_POOLED}),
    ((), Asking(None, None, None), {"work two": NOT_POOLED}),
    ((), Asking(SONNET, None, None), {"work two": NOT_POOLED, "router": FILTERED}),
    ((), Asking(OPUS, ONLY_WORK, None), {"primary": NOT_HIS, "work two": NOT_POOLED, "router": NOT_HIS, "mapped": NOT_HIS}),
    ((), Asking(OPUS, Client("two", accounts=("router", "work two")), None), {
        **dict.fromkeys(("primary", "work", "mapped"), "the client two may not use it"), "work two": NOT_POOLED
    }),
    ((), Asking(SONNET, None, "router"), {"primary": TO_ROUTER, "work": TO_ROUTER, "work two": TO_ROUTER, "router": FILTERED, "mapped": TO_ROUTER}),
    ((), Asking(OPUS, ONLY_WORK, "primary"), {"primary": NOT_HIS, **dict.fromkeys(ALL[1:], "the request is pinned to primary")}),
    ((CHAIN,), Asking(OPUS, None, None), {"work": ENDS, "work two": "pool = false, and the chain does not name it", "mapped": ENDS}),
    ((chain(Step(("work two",))),), Asking(OPUS, None, None), {}),
]  # fmt: skip


@pytest.mark.parametrize(("chains", "asking", "said"), LEFT)
def test_of_everyone_without_a_place_the_rule_is_told(
    chains: tuple[Fallback, ...], asking: Asking, said: dict[str, str]
) -> None:
    found = places(*chains, model=asking.model, client=asking.client, pin=asking.pin)
    told = left_out(config(*chains), ALL, found, asking)
    assert {passed.account: passed.reason for passed in told} == said
    assert {passed.state for passed in told} <= {"not asked"}
