"""A batch process: so many runs a day, each a sequence of phases with their power, at hours that may be shifted.

The mathematics is in `process_block`.
"""
# ruff: noqa: ARG002 - every kind answers the same calls, whether or not it needs all they bring

from collections.abc import Sequence
from datetime import time
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from city.problems import Problem
from optimisation.asset import AssetKind, Connected, Left, Past, Solved, of_kind
from optimisation.inputs import PlanInput, Series
from optimisation.parts.process_block import begin, drawn
from optimisation.parts.windows import Window, windows
from optimisation.results import Breach, Cost, Settled, Values

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


class Phase(BaseModel):
    """One phase of a run: constant power for a while."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    power_kw: float = Field(ge=0, description="what it draws in this phase [kW]")
    hours: float = Field(gt=0, description="how long it takes, a whole number of steps [h]")


class Process(Connected):
    """Runs `runs_per_day` times in each daily window. A run under way at the start of the horizon is finished without a pause."""

    kind: Literal["process"] = "process"
    state_taken: ClassVar[tuple[str, ...]] = ("runs_done", "steps_done")
    planned: ClassVar[tuple[str, ...]] = ("power_kw", "running", "starts")
    phases: tuple[Phase, ...] = Field(min_length=1, description="the phases of one run, in their order")
    runs_per_day: int = Field(default=1, ge=1, description="runs that each window must see")
    from_local: time = Field(default=time(0, 0), description="local time from which a run may start")
    until_local: time = Field(default=time(0, 0), description="local time by which it must have ended; equal to from_local: the whole day")
    longest_pause_h: float = Field(default=0.0, ge=0, description="longest pause between two phases [h]; 0: none")
    interruptible: bool = Field(default=False, description="may pause within a phase too, after any step")
    after: str | None = Field(default=None, description="id of the process whose run must end before each of its runs")
    gap_h: float = Field(default=0.0, ge=0, description="shortest time between that end and its start [h]")
    longest_gap_h: float | None = Field(default=None, ge=0, description="longest time between them [h]; none: no limit")
    missed_price: float | None = Field(default=None, ge=0, description="price of a run not made [currency]; none: every run must be made")
    usual_local: time | None = Field(default=None, description="unplanned: starts at this local time; none: as early as it may")

    def lengths(self, inputs: PlanInput) -> list[int]:
        """Steps of each phase."""
        return [round(phase.hours / inputs.step_h) for phase in self.phases]

    def blocks(self, inputs: PlanInput) -> list[tuple[int, float]]:
        """(steps, kW) of what is started by one decision each: its phases, or single steps where it may pause anywhere."""
        phases = [(n, phase.power_kw) for n, phase in zip(self.lengths(inputs), self.phases, strict=True)]
        return [(1, kw) for n, kw in phases for _ in range(n)] if self.interruptible and self.longest_pause_h else phases

    def rest_kw(self, inputs: PlanInput) -> Series:
        """float[...]: the power of what is left of the run under way, from the first step on; empty when none is."""
        done = int(inputs.state.get(self.id, {}).get("steps_done", 0))
        profile = np.repeat([p.power_kw for p in self.phases], self.lengths(inputs))
        return profile[done : done + inputs.steps] if done else profile[:0]

    def done(self, past: Past) -> dict[str, float]:
        """Runs made since its window opened, and the steps of one under way."""
        if "starts" not in past.values:
            return {}
        begun, running = np.flatnonzero(past.values["starts"] > 0.5), past.values["running"] > 0.5
        length, before = sum(round(p.hours / past.step_h) for p in self.phases), past.state.get("steps_done", 0.0)
        ran = running[begun[-1] :].sum() if len(begun) else before + running.sum() if before else length
        made = (past.since(self.from_local, "starts") > 0.5).sum() + past.earlier(self.from_local, "runs_done")
        made += past.earlier(self.from_local, "steps_done") > 0
        return {"runs_done": float(max(made - (ran < length), 0)), "steps_done": float(ran if ran < length else 0)}

    def runs(self, inputs: PlanInput) -> list[tuple[Window, int]]:
        """Each window with the runs it still must see: those made already, and those that fit beyond the horizon, are taken off.

        Where nobody told what a window has seen, those that no longer fit into it count as made.
        """
        under_way = len(self.rest_kw(inputs))
        done = int(inputs.state.get(self.id, {}).get("runs_done", 0)) + bool(under_way)
        each, steps = self.runs_per_day, sum(self.lengths(inputs))
        found = []
        for w in windows(inputs, self.from_local, self.until_local):
            asked = each - (done if w.first == 0 else 0) - int(w.after_h / (steps * inputs.step_h) + 1e-9)
            fit = (w.end - max(w.first, under_way)) // steps if self._unknown(inputs, w) else asked
            found.append((w, max(min(asked, fit), 0)))
        return found

    def _unknown(self, inputs: PlanInput, window: Window) -> bool:
        """Has it opened, and nobody told what was done since?"""
        return window.begun and "runs_done" not in inputs.state.get(self.id, {})

    def notes(self, inputs: PlanInput) -> list[str]:
        if not any(self._unknown(inputs, window) for window, _ in self.runs(inputs)):
            return []
        return [
            f"{self.id}: how many runs it has made since its window opened is unknown (state 'runs_done'); all that still fit are planned."
        ]

    def check(self, inputs: PlanInput, assets: Sequence[AssetKind]) -> list[Problem]:
        subject, found = f"asset {self.id}", []
        for phase in self.phases:
            if abs(phase.hours / inputs.step_h - max(round(phase.hours / inputs.step_h), 1)) > 1e-6:
                allowed = f"a whole number of steps of {inputs.step_h:g} h"
                found.append(Problem(f"{subject}, phases", f"{phase.hours:g} h", allowed, "Round it up."))
        minutes = (self.until_local.hour - self.from_local.hour) * 60 + self.until_local.minute - self.from_local.minute
        room, needed = (minutes % 1440 or 1440) / 60, self.runs_per_day * sum(phase.hours for phase in self.phases)
        if needed > room + 1e-9:
            found.append(
                Problem(f"{subject}, runs_per_day", f"{needed:g} h of runs", f"at most the window's {room:g} h", "Widen the window.")
            )
        return found + self._check_after(assets)

    def _check_after(self, assets: Sequence[AssetKind]) -> list[Problem]:
        others = {a.id: a for a in of_kind(assets, Process) if a.id != self.id}
        subject = f"asset {self.id}, after"
        if self.after is None:
            return []
        if self.after not in others:
            return [Problem(subject, f"'{self.after}'", f"one of {', '.join(others) or 'no other process'}", "Name a process.")]
        if others[self.after].runs_per_day != self.runs_per_day:
            observed = f"{others[self.after].runs_per_day} runs of '{self.after}', {self.runs_per_day} of its own"
            return [Problem(subject, observed, "as many runs of both", "Give both the same runs_per_day.")]
        seen, at = [self.id], self.after
        while at is not None and at in others and at not in seen:
            seen, at = [*seen, at], others[at].after
        return (
            [Problem(subject, " after ".join([*seen, self.id]), "a chain with a beginning", "Break the circle.")] if at == self.id else []
        )

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        begin(model, group)

    @classmethod
    def read(cls, inputs: PlanInput, group: Sequence[Self], solved: Solved) -> dict[str, Values]:
        begun, found, at = np.rint(solved["process_begun"]), {}, 0
        for a in group:
            blocks = len(a.blocks(inputs))
            found[a.id] = a.values(inputs, np.diff(begun[at : at + blocks, -inputs.steps - 1 :], axis=1))
            at += blocks
        return found

    def values(self, inputs: PlanInput, starts: Series) -> Values:
        """Its PLAN quantities for the starts of its blocks, float[blocks, steps]."""
        blocks = self.blocks(inputs)
        power, running = (drawn(starts, [(n, kw if what else 1.0) for n, kw in blocks]) for what in (1, 0))
        rest = self.rest_kw(inputs)
        power[: len(rest)] += rest
        running[: len(rest)] += 1.0
        return {"power_kw": power, "running": running, "starts": starts[0] + 0.0}

    def idle(self, inputs: PlanInput, assets: Sequence[AssetKind], left: Left) -> Values:
        """Its runs one after the other from its usual hour, or as early as the window and the process before it allow."""
        blocks = self.blocks(inputs)
        starts = np.zeros((len(blocks), inputs.steps))
        for t in self._usual_starts(inputs, assets):
            offset = 0
            for j, (n, _) in enumerate(blocks):
                starts[j, t + offset] += 1.0
                offset += n
        return self.values(inputs, starts)

    def free_at(self, inputs: PlanInput, before: "Process") -> list[int]:
        """Steps from which it may follow those runs of the process before it that began before the horizon."""
        gap = int(np.ceil(self.gap_h / inputs.step_h - 1e-9))
        ended = [0] * int(inputs.state.get(before.id, {}).get("runs_done", 0))
        ended += [len(before.rest_kw(inputs)) + gap] if len(before.rest_kw(inputs)) else []
        return ended[int(inputs.state.get(self.id, {}).get("runs_done", 0)) + bool(len(self.rest_kw(inputs))) :]

    def _usual_starts(self, inputs: PlanInput, assets: Sequence[AssetKind]) -> list[int]:
        length, free = sum(self.lengths(inputs)), len(self.rest_kw(inputs))
        before = next((a for a in of_kind(assets, Process) if a.id == self.after), None)
        ends: list[int] | None = None
        if before is not None:
            later = sum(before.lengths(inputs)) + int(np.ceil(self.gap_h / inputs.step_h - 1e-9))
            ends = self.free_at(inputs, before) + [t + later for t in before._usual_starts(inputs, assets)]
        usual = np.zeros(inputs.steps, dtype=bool) if self.usual_local is None else inputs.between(self.usual_local, self.until_local)
        found: list[int] = []
        for window, runs in self.runs(inputs):
            late = np.flatnonzero(usual[window.first : window.end])
            free = max(free, window.first + (int(late[0]) if len(late) else 0))
            for _ in range(runs):
                if ends is not None:
                    free = max(free, ends[len(found)] if len(found) < len(ends) else inputs.steps)
                if free + length <= window.end:
                    found.append(free)
                    free += length
        return found

    def settle(self, inputs: PlanInput, values: Values) -> Settled:
        breaches = []
        for window, runs in self.runs(inputs):
            missed = runs - float(values["starts"][window.first : window.end].sum())
            if missed > 0.5:
                span = f"{inputs.said(window.first)} to {inputs.said(window.end)}"
                sentence = f"{self.id} makes {runs - missed:.0f} of {runs} runs from {span}."
                breaches.append(Breach(self.id, "runs not made", missed, "runs", self.missed_price or 0.0, sentence))
        return Settled({self.balance: -values["power_kw"]}, Cost(breaches=sum(b.cost for b in breaches)), breaches=tuple(breaches))
