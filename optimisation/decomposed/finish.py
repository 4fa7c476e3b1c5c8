"""From prices and a mix of answers to a plan: each feeder plans what is asked of it, the root what is left, and the accounts add up."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from city.problems import fault
from optimisation import matrix, program
from optimisation.arrays import Floats
from optimisation.decomposed import problem
from optimisation.decomposed.city import City, together
from optimisation.decomposed.feeder import Answer, Question, plans
from optimisation.decomposed.master import Master, Mix
from optimisation.decomposed.parts import Parts, share
from optimisation.inputs import PlanInput
from optimisation.results import Cost, PlanResult, Status
from optimisation.tables import plan_frame, price_frame

SECOND_THOUGHTS = 5  # how often feeders are asked again for what is missing
MISSED_KW = 1e-3
BINDING = 12  # sentences on limits that bind: the root's first, then the dearest of each feeder


def finished(inputs: PlanInput, parts: Parts, city: City, prices: Floats, bound: float, rel_gap: float) -> PlanResult:
    """The plan of all parts without the frames of the feeders; impossible when no mix of answers closes the shared balance."""
    made, mix = _feeders(city, prices)
    if not mix.closes:
        return impossible(inputs, (_lacks(inputs, city, mix),))
    root, cost = _root(inputs, parts, city, made)
    results = [root, *(answer.planned for answer in made if answer.planned is not None)]
    gap = max(cost - bound, 0.0) / max(abs(cost), 1e-9)
    breaches = tuple(breach for one in results for breach in one.breaches)
    status: Status = "time-limited" if gap > rel_gap else "relaxed" if breaches else "optimal"
    shared = price_frame(inputs, {city.balance: prices / inputs.step_h})
    own = root.price[root.price["balance_id"] != city.balance]
    return replace(
        root,
        status=status,
        gap=gap,
        price=pd.concat([shared, own, *(one.price for one in results[1:])], ignore_index=True),
        cost=sum((one.cost for one in results), Cost()),
        co2_kg=sum(one.co2_kg for one in results),
        curtailed_kwh=sum(one.curtailed_kwh for one in results),
        breaches=breaches,
        binding=(*root.binding, *(sentence for one in results[1:] for sentence in one.binding[:1]))[:BINDING],
        notes=tuple(note for one in results for note in one.notes),
        iterations=sum(one.iterations for one in city.rounds),
        decisions=None,
    )


def _feeders(city: City, prices: Floats) -> tuple[list[Answer], Mix]:
    """The plan of each feeder for what the best mix asks of it, and the mix of these plans.

    Answers with integers do not mix, so the best ones may leave something missing; and a feeder may give less than was asked when it
    may not charge and discharge at once. Then each is asked for a part of what is missing too, and what it can give is one more answer.
    """
    weights = dict.fromkeys(city.names, 1.0)
    more_kw = np.zeros(len(prices))
    for _ in range(SECOND_THOUGHTS):
        asked = city.mixed(weights, integers=True)
        more_kw = np.maximum(more_kw, np.maximum(asked.missing_kw, 0.0) / 2)
        made = _plans(city, prices, {name: exchange + more_kw for name, exchange in asked.exchanges.items()})
        final = replace(city, master=Master(city.master.root))
        final.master.add(made)
        mix = final.mixed(weights, integers=True)
        if mix.closes:
            break
        city.master.add(made)
        more_kw = more_kw + np.maximum(mix.missing_kw, 0.0) / 2
    return made, mix


def _plans(city: City, prices: Floats, exchanges: Mapping[str, Floats]) -> list[Answer]:
    short_price = city.ceiling * city.step_h
    questions = [
        Question(city.folder, city.balance, tuple(names), prices, tuple(exchanges[name] for name in names), short_price)
        for names in together(list(exchanges))
    ]
    return [answer for part in city.fanout(plans, questions) for answer in part]


def _root(inputs: PlanInput, parts: Parts, city: City, made: list[Answer]) -> tuple[PlanResult, float]:
    """The root's plan beside those of the feeders, and what all of them cost [currency]."""
    weights, mine = dict.fromkeys(city.names, 1.0), share(inputs, parts.root, root=True)
    sign_steps: frozenset[int] = frozenset()
    for _ in range(program.SIGN_PASSES):
        formulation = program.formulate(mine, parts.root, sign_steps)
        found = matrix.compiled(formulation)
        final = replace(city, master=Master(problem.apart(formulation, found, city.balance)))
        final.master.add(made)
        mix = final.mixed(weights, integers=True)
        solved = matrix.values(formulation, found, mix.root.x)
        both = program.two_way(solved) - sign_steps
        if not both:
            return program.result(mine, parts.root, formulation, found, mix.root, solved), mix.cost
        sign_steps |= both
    raise fault("optimisation", "an asset gives and takes at once", "one direction", "Report this city: it is a fault of the model.")


def impossible(inputs: PlanInput, reasons: tuple[str, ...]) -> PlanResult:
    """No plan, and why."""
    empty = plan_frame(inputs, "plan", {})
    return PlanResult("impossible", float("nan"), empty, price_frame(inputs, {}), Cost(), 0.0, 0.0, reasons=reasons)


def _lacks(inputs: PlanInput, city: City, mix: Mix) -> str:
    steps = np.flatnonzero(np.abs(mix.missing_kw) > MISSED_KW)
    at = int(steps[np.argmax(np.abs(mix.missing_kw[steps]))])
    what, kw = ("lacks", mix.missing_kw[at]) if mix.missing_kw[at] > 0 else ("has too much by", -mix.missing_kw[at])
    return (
        f"No plan was found that closes the balance '{city.balance}': with the best answers of {len(city.names)} feeders it {what} up to"
        f" {kw:,.1f} kW in {len(steps)} steps, most at {inputs.said(at)}."
    )
