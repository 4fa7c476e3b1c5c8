"""Cars at their chargers: what they would draw on arrival may wait, and some may be lent, but every car is ready at its departure."""
# ruff: noqa: ARG001, ARG002, ARG003 - every kind answers the same calls, and Pyomo gives every rule its model

from collections.abc import Sequence
from datetime import time
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from optimisation.asset import TOLERANCE, AssetKind, Connected, Left, Solved, column
from optimisation.inputs import PlanInput
from optimisation.parts.ev_envelope import Envelope, Session, limited, of_session, present
from optimisation.results import Breach, Cost, Settled, Values
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


class EvFleet(Connected):
    """Charging can be put off, never brought forward: the forecast is the earliest the cars can take their energy.

    What was put off or lent is owed [kWh]; it is nothing outside the sessions and at each departure. The end of the horizon counts
    as a departure, so that no plan pushes energy past the last hour it is billed for. Power is + when the cars draw.

    The cars are told either by forecasts of their uncontrolled charging with one session for all, or by `sessions`.
    """

    kind: Literal["ev_fleet"] = "ev_fleet"
    error_sign: ClassVar[int] = 1
    state_taken: ClassVar[tuple[str, ...]] = ("owed_kwh",)
    planned: ClassVar[tuple[str, ...]] = ("power_kw", "owed_kwh")
    opposites: ClassVar[tuple[tuple[str, str], ...]] = (("ev_give_kw", "ev_charge_kw"),)  # giving is there only where a fleet gives
    series: tuple[str, ...] = Field(default=(), description="ids of the forecasts of uncontrolled charging")
    arrive_local: time | None = Field(default=None, description="local time from which charging may wait")
    depart_local: time | None = Field(
        default=None, description="local time by which it must be done; before arrive_local it is the next morning's"
    )
    sessions: tuple[Session, ...] = Field(default=(), description="in place of series: who comes when, and needs what")
    max_kw: float = Field(gt=0, description="most that all chargers draw together [kW]")
    v2g_kw: float = Field(default=0.0, ge=0, description="most that all cars give back together [kW]; with sessions each says its own")
    lends_kwh: float = Field(default=0.0, ge=0, description="most that all cars lend together [kWh]; with sessions each says its own")
    plugged_by_hour: tuple[float, ...] = Field(
        default=(), description="part of the cars that is plugged in, for each of the 24 local hours [1]; none: all, all session long"
    )
    v2g_efficiency: float = Field(default=0.85, gt=0, le=1, description="given back per energy drawn again for it [1]")
    v2g_wear_price_per_kwh: float = Field(default=0.05, ge=0, description="wear of each kWh given back [currency/kWh]")
    short_price_per_kwh: float = Field(default=2.0, ge=0, description="price of energy missing at a departure [currency/kWh]")

    @model_validator(mode="after")
    def _told(self) -> Self:
        if bool(self.series) == bool(self.sessions):
            raise ValueError("a fleet needs either series or sessions")
        if self.series and (self.arrive_local is None or self.depart_local is None or self.arrive_local == self.depart_local):
            raise ValueError(
                f"a fleet with series needs arrive_local and depart_local that differ, not {self.arrive_local} and {self.depart_local}"
            )
        if self.sessions and (self.v2g_kw or self.lends_kwh or self.plugged_by_hour or self.arrive_local or self.depart_local):
            raise ValueError("with sessions, times, v2g_kw and lends_kwh belong to each session, and plugged_by_hour to none")
        if self.plugged_by_hour and (
            len(self.plugged_by_hour) != 24 or not 0 <= min(self.plugged_by_hour) <= max(self.plugged_by_hour) <= 1
        ):
            raise ValueError("plugged_by_hour needs 24 parts from 0 to 1")
        return self

    @property
    def series_needed(self) -> tuple[str, ...]:
        return self.series

    @property
    def gives(self) -> bool:
        """Can it give energy back?"""
        return self.v2g_kw > 0 or any(session.v2g_kw > 0 for session in self.sessions)

    def owed_at_start(self, inputs: PlanInput) -> float:
        return max(float(inputs.state.get(self.id, {}).get("owed_kwh", 0.0)), 0.0)

    def envelope(self, inputs: PlanInput) -> Envelope:
        """What it asks for, may draw, give back and owe."""
        return self._of_sessions(inputs) if self.sessions else self._of_series(inputs)

    def _of_series(self, inputs: PlanInput) -> Envelope:
        asked, start = np.maximum(inputs.expected(*self.series), 0.0), self.owed_at_start(inputs)
        inside = inputs.between(self.arrive_local or time(), self.depart_local or time())
        hour = np.array([t.hour for t in inputs.local_times])
        plugged = np.array(self.plugged_by_hour)[hour] if self.plugged_by_hour else np.ones(inputs.steps + 1)
        # Outside sessions a forecast above the limit is drawn all the same: nobody controls it.
        charge = np.where(inside, self.max_kw * plugged[:-1], np.maximum(self.max_kw, asked / inputs.step_h))
        if self.gives:
            return limited(inputs, inside, asked, charge, self.v2g_kw * plugged[:-1], self.lends_kwh * plugged, start)
        waits = inside & np.append(inside[1:], False)  # not at the last step of a session
        return Envelope(asked, charge, np.zeros(inputs.steps), np.append(start, np.where(waits, np.inf, 0.0)))

    def _of_sessions(self, inputs: PlanInput) -> Envelope:
        there = [session.cars * float(present(inputs, session)[0]) for session in self.sessions]
        owed = self.owed_at_start(inputs) * np.array(there) / max(sum(there), 1e-9)  # by cars: nobody metered whose it is
        total = reduce(add, (of_session(inputs, session, float(start)) for session, start in zip(self.sessions, owed, strict=True)))
        most = np.minimum(total.charge_kw, self.max_kw)
        return Envelope(total.asked_kwh, most, np.minimum(total.give_kw, self.max_kw), total.owed_kwh)

    @classmethod
    def block(cls, model: "Formulation", group: Sequence[Self]) -> None:
        m, inputs, h = model.m, model.inputs, model.inputs.step_h
        envelopes = [a.envelope(inputs) for a in group]
        owed = np.array([e.owed_kwh for e in envelopes])
        owed[:, 0] = [a.owed_at_start(inputs) for a in group]
        lowest = np.zeros_like(owed)
        lowest[:, 0] = owed[:, 0]
        fleets = model.ids("EV", (a.id for a in group))
        most = np.array([e.charge_kw for e in envelopes])
        draws = model.variable("ev_charge_kw", fleets, m.T, upper=most, at_most=Words("charges with at most {value}", "kW"))
        owes = Words("owes at most {value} before a departure", "kWh")
        model.variable("ev_owed_kwh", fleets, m.T1, lower=lowest, upper=owed, at_most=owes)
        model.variable("ev_short_kwh", fleets, m.T, upper=np.where([e.short for e in envelopes], np.inf, 0.0))
        model.parameter("ev_asked_kwh", model.ids("EV_STEP", fleets * m.T), [e.asked_kwh for e in envelopes])
        model.parameter("ev_short_price", fleets, column(group, "short_price_per_kwh"))
        gives = cls._v2g(model, group, envelopes) if any(a.gives for a in group) else None

        def balance(m: Any, a: Any, t: Any) -> Any:
            less = m.ev_owed_kwh[a, t] - m.ev_owed_kwh[a, t + 1] - h * draws[a, t] - m.ev_short_kwh[a, t]
            return (less if gives is None else less + m.ev_refill[a] * gives[a, t]) + m.ev_asked_kwh[a, t] == 0

        def net(m: Any, a: Any, t: Any) -> Any:
            return 1.0 * draws[a, t] if gives is None else draws[a, t] - gives[a, t]

        model.constraint("ev_balance", fleets, m.T, rule=balance)
        model.inject([(a.id, a.balance) for a in group], lambda m, a, t: -net(m, a, t))
        model.costs.append(lambda m: sum(m.ev_short_price[a] * m.ev_short_kwh[a, t] for a in fleets for t in m.T))
        for quantity in ("power_kw", "command_kw"):
            model.holdable(quantity, [a.id for a in group], net)

    @staticmethod
    def _v2g(model: "Formulation", group: Sequence["EvFleet"], envelopes: Sequence[Envelope]) -> Any:
        m, h = model.m, model.inputs.step_h
        most = np.array([e.give_kw for e in envelopes])
        gives = model.variable("ev_give_kw", m.EV, m.T, upper=most, at_most=Words("gives back at most {value}", "kW"))
        model.parameter("ev_refill", m.EV, h / column(group, "v2g_efficiency"))
        wear = model.parameter("ev_wear", m.EV, h * column(group, "v2g_wear_price_per_kwh"))
        model.costs.append(lambda m: sum(wear[a] * gives[a, t] for a in m.EV for t in m.T))
        giving = [(a.id, e) for a, e in zip(group, envelopes, strict=True) if a.gives]
        one, other = ({name: float(getattr(e, f"{side}_kw").max()) for name, e in giving} for side in ("charge", "give"))
        model.one_way("ev", model.ids("EV_V2G", one), model.burning, ("ev_charge_kw", one), ("ev_give_kw", other))
        return gives

    @classmethod
    def read(cls, inputs: PlanInput, group: Sequence[Self], solved: Solved) -> dict[str, Values]:
        net = solved["ev_charge_kw"] - solved.get("ev_give_kw", 0.0)
        return {a.id: {"power_kw": net[i], "owed_kwh": solved["ev_owed_kwh"][i]} for i, a in enumerate(group)}

    def idle(self, inputs: PlanInput, assets: Sequence[AssetKind], left: Left) -> Values:
        """Charge on arrival: as forecast, up to what the chargers carry; what does not fit waits its turn."""
        envelope, owed, taken = self.envelope(inputs), np.zeros(inputs.steps + 1), np.zeros(inputs.steps)
        most = envelope.charge_kw * inputs.step_h
        owed[0] = self.owed_at_start(inputs)
        for t in range(inputs.steps):
            taken[t] = min(owed[t] + envelope.asked_kwh[t], most[t])
            owed[t + 1] = min(owed[t] + envelope.asked_kwh[t] - taken[t], envelope.owed_kwh[t + 1])
        return {"power_kw": taken / inputs.step_h, "owed_kwh": owed}

    def settle(self, inputs: PlanInput, values: Values) -> Settled:
        owed, net = values["owed_kwh"], values["power_kw"] * inputs.step_h
        taken, given = np.maximum(net, 0.0), np.maximum(-net, 0.0)
        short = np.maximum(self.envelope(inputs).asked_kwh - taken + given / self.v2g_efficiency - np.diff(owed), 0.0)
        amount = float(short.sum())
        breaches: tuple[Breach, ...] = ()
        if amount > TOLERANCE * max(float(taken.sum()), 1.0):
            first = inputs.said(int(np.flatnonzero(short > amount / (2 * inputs.steps))[0]) + 1)
            sentence = f"{self.id} leaves {amount:,.1f} kWh uncharged at departure, first at {first}."
            breaches = (Breach(self.id, "energy by departure", amount, "kWh", self.short_price_per_kwh, sentence),)
        cost = Cost(wear=self.v2g_wear_price_per_kwh * float(given.sum()), breaches=sum(b.cost for b in breaches))
        return Settled({self.balance: -values["power_kw"]}, cost, breaches=breaches)
