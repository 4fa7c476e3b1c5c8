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
    """Who did each step, '' of one that is not done. A word counts for one step: a switch may be turned twice. A word that contradicts
    the last one corrects it: the step is not done. A motor that did not turn leaves its step to a crew, who tells it."""
    steps = proposal.detail.get("steps", ())
    written = {step_of(proposal, row) for row in commands if row.reverts is None and row.state == "written"}
    done = ["poll" if number in written else "" for number in range(len(steps))]
    since = words[words["at_utc"] >= proposal.made_at_utc]
    for switch in {step["switch"] for step in steps}:
        own = [number for number, step in enumerate(steps) if step["switch"] == switch and number not in written]
        told = 0
        for word in since[since["switch"] == switch].itertuples():
            if told < len(own) and word.state == STATE[steps[own[told]]["action"]]:
                done[own[told]] = str(word.who)
                told += 1
            elif told and word.state != STATE[steps[own[told - 1]]["action"]]:
                told -= 1
                done[own[told]] = ""
    return tuple(done)
