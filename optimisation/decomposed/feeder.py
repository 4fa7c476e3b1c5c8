"""Questions to feeders, for any process that sees the folder they lie in.

What a process needs to know, the arrays of a feeder and the basis its last answer ended with, lies in the folder beside the feeder:
so no process has a state, holds more than one feeder at a time, or changes an answer by being the one that gives it.
"""

import pickle
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from city.problems import fault
from optimisation import explain, matrix, program, solve
from optimisation.arrays import Floats
from optimisation.assets import Asset
from optimisation.conflict import conflicts
from optimisation.decomposed import problem
from optimisation.inputs import PlanInput
from optimisation.results import PlanResult


@dataclass(frozen=True)
class Question:
    """What would feeders do at `prices` float[steps] of what they give to `balance` [currency/kW over a step]?

    With `exchanges` a plan is asked for that gives at least float[steps] [kW] of each, less only at `short_price` [currency/kW].
    """

    folder: Path
    balance: str
    names: tuple[str, ...]
    prices: Floats
    exchanges: tuple[Floats, ...] = ()
    short_price: float = 0.0


@dataclass(frozen=True)
class Answer:
    """`bound`: the least that cost less paid exchange can be; `cost` and `exchange_kw` float[steps] of one answer [currency, kW].

    `reasons` are there when a feeder has no answer at all; `planned` when a plan was asked for: it lies in the folder as `plan_file`,
    the result here has all but its frame.
    """

    name: str
    bound: float
    cost: float
    exchange_kw: Floats
    iterations: int = 0
    integers: bool = False
    reasons: tuple[str, ...] = ()
    planned: PlanResult | None = None


def put(folder: Path, name: str, inputs: PlanInput, assets: Sequence[Asset]) -> None:
    """Lay a feeder down where its questions will be answered."""
    with (folder / f"{name}.feeder").open("wb") as file:
        pickle.dump((inputs, tuple(assets)), file, protocol=pickle.HIGHEST_PROTOCOL)


def _taken(folder: Path, name: str) -> tuple[PlanInput, tuple[Asset, ...]]:
    with (folder / f"{name}.feeder").open("rb") as file:
        found: tuple[PlanInput, tuple[Asset, ...]] = pickle.load(file)  # noqa: S301 - written by `put` of the same plan
    return found


def plan_file(folder: Path, name: str) -> Path:
    """Where the PLAN frame of a feeder lies."""
    return folder / f"{name}.plan.parquet"


def answers(question: Question) -> list[Answer]:
    """The cheapest answer of each feeder at these prices."""
    return [_answer(question, name) for name in question.names]


def _answer(question: Question, name: str) -> Answer:
    file, basis = question.folder / f"{name}.npz", question.folder / f"{name}.basis.npy"
    if file.exists():
        feeder = problem.load(file)
    else:
        formulation = program.formulate(*_taken(question.folder, name))
        feeder = problem.apart(formulation, matrix.compiled(formulation), question.balance)
        feeder.save(file)
    found = problem.best(problem.priced(feeder, question.prices), np.load(basis) if basis.exists() else None)
    if found is None:
        return Answer(name, np.inf, np.inf, np.zeros(0), reasons=_reasons(question, name))
    if found.basis is not None:
        np.save(basis, found.basis)
    return Answer(name, found.bound, feeder.cost(found.x), feeder.exchange_kw(found.x), found.iterations, found.basis is None)


def _reasons(question: Question, name: str) -> tuple[str, ...]:
    """Why a feeder has no answer, whatever it may exchange."""
    formulation = program.formulate(*_taken(question.folder, name))
    found = matrix.compiled(formulation)
    found = replace(found, arrays=problem.apart(formulation, found, question.balance).arrays)
    told = explain.facts(formulation, found)
    return explain.reasons(formulation, found, told, conflicts(found.arrays, told))


def plans(question: Question) -> list[Answer]:
    """The cheapest plan of each feeder that gives what is asked of it."""
    return [_plan(question, name, exchange) for name, exchange in zip(question.names, question.exchanges, strict=True)]


def _plan(question: Question, name: str, exchange_kw: Floats) -> Answer:
    inputs, assets = _taken(question.folder, name)
    sign_steps: frozenset[int] = frozenset()
    for _ in range(program.SIGN_PASSES):
        formulation = program.formulate(inputs, assets, sign_steps)
        found = matrix.compiled(formulation)
        feeder = problem.apart(formulation, found, question.balance)
        solution = solve.solved(
            problem.asked(feeder, question.prices, exchange_kw, question.short_price), problem.REL_GAP, problem.MAX_NODES
        )
        x = solution.x[: len(feeder.arrays.cost)]
        solved = matrix.values(formulation, found, x)
        both = program.two_way(solved) - sign_steps
        if not both:
            break
        sign_steps |= both
    else:
        raise fault(f"plan of {name}", "an asset gives and takes at once", "one direction", "Report this city: it is a fault of the model.")
    solution = _worth(question, name, feeder, replace(solution, x=x))
    told = program.result(inputs, assets, formulation, found, solution, solved)
    told.plan.to_parquet(plan_file(question.folder, name), index=False)
    planned = replace(told, plan=told.plan.iloc[:0], price=told.price[told.price["balance_id"] != question.balance], decisions=None)
    integers = bool(feeder.arrays.integer.any())
    return Answer(name, -np.inf, feeder.cost(x), feeder.exchange_kw(x), solution.iterations, integers, planned=planned)


def _worth(question: Question, name: str, feeder: problem.Apart, solution: solve.Solution) -> solve.Solution:
    """What one more of everything is worth while the city takes what it saves at its price, not while the exchange is fixed.

    With integers they are what the plan itself says: the exchange then is only good for these integers.
    """
    if feeder.arrays.integer.any():
        return solution
    basis = question.folder / f"{name}.basis.npy"
    at_price = problem.best(problem.priced(feeder, question.prices), np.load(basis) if basis.exists() else None)
    return solution if at_price is None else replace(solution, row_dual=at_price.row_dual, col_dual=at_price.col_dual)
