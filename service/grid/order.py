"""The steps of a restoration one after the other: a switch closed before another was opened could put power on the fault."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from sqlalchemy import Engine

from service import schema as t
from service.grid import switches
from service.store import results

STATE = {"open": "open", "close": "closed"}


def waits_for(engine: Engine, command: Any) -> str | None:
    """Of a command that is a step of a restoration: the first step before it that is not done; None when it may be written.

    A step by a motor is done when it was written and read back, one by hand when somebody told it.
    """
    found = results.rows(engine, t.grid_proposal, t.grid_proposal.c.proposal_id == command.plan_id)
    if not found:
        return None
    commands = results.rows(engine, t.command, t.command.c.plan_id == command.plan_id)
    done = steps_done(found[0], commands, switches.told(engine))
    number = step_of(found[0], command)
    steps = found[0].detail["steps"][:number]
    return next((f"{step['action']} {step['switch']}" for step, by in zip(steps, done, strict=False) if not by), None)


def step_of(proposal: Any, command: Any) -> int:
    """Which step a command is: its time lies as many seconds after the proposal as there are steps before it."""
    return round((command.not_before_utc - proposal.made_at_utc).total_seconds())


def steps_done(proposal: Any, commands: Sequence[Any], words: pd.DataFrame) -> tuple[str, ...]:
    """Who did each step, '' of one that is not done. A word counts for one step: a switch may be turned twice."""
    written = {step_of(proposal, row): row.state == "written" for row in commands if row.reverts is None}
    rest = words[words["at_utc"] >= proposal.made_at_utc]
    done = []
    for number, step in enumerate(proposal.detail.get("steps", ())):
        if written.get(number):
            done.append("poll")
            continue  # a motor that did not turn leaves the step to a crew, who tells it
        told = rest[(rest["switch"] == step["switch"]) & (rest["state"] == STATE[step["action"]])].head(1)
        done.append("".join(told["who"]))
        rest = rest.drop(told.index)
    return tuple(done)
