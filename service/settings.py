"""city.toml as one checked object: every fault is told at once, with its TOML path."""

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from carbon.accounts import Account, double_counting
from carbon.enterprise.plan import Enterprise
from carbon.household.rules import Building, HouseholdRules
from carbon.instruments.contracts import Contract, Supplier
from carbon.settings import Carbon
from carbon.targets.gdp import GdpFigure
from carbon.targets.target import Target
from carbon.why.measure import Measure
from city.crews import Crew
from city.named_files import Names
from city.places import Meter, Place, Point, Site, Total, Zone
from city.problems import PenstockError, Problem, fault
from forecasting.calendars import Calendar
from forecasting.models.task import ForecastSettings
from meters.links.link import LinkConfig
from meters.maps.registers import DeviceModel, load_model
from meters.roads.loggers import Broker, Logger
from meters.roads.mapping import Drop
from meters.spool.reporting import Reporting
from meters.vee.quality import Limits
from optimisation.assets import Asset
from optimisation.response.programme import Programme
from optimisation.risk.settings import Risk, Weights
from service import civil_steps, names, references, road_names, sums
from service.access.settings import Access
from service.alarms.settings import Alarms
from service.api import settings as api_settings
from service.api.settings import Api, ApiToken
from service.cases.levels import CaseSettings
from service.city_calendar import CityCalendar
from service.city_settings import City, Import, Night, Sector, Simulator, State
from service.controls import Control, FourEyes
from service.edge import settings as edge_settings
from service.edge.settings import Edge, Station
from service.environment import Environment
from service.faults import explained
from service.grid.settings import GridSettings
from service.keeping.settings import Backup
from service.levels.settings import Levels
from service.metrics.settings import Metrics
from service.notices.settings import Notify
from service.openadr.settings import Vtn
from service.plans.settings import PlanSettings
from service.retention.settings import Retention
from service.shifts.settings import ShiftSettings
from service.tariff import Tariff
from service.water_settings import Water
from service.weather_feed import WeatherFeed


class Settings(Place):
    """Everything in city.toml."""

    city: City
    night: Night = Night()
    plan: PlanSettings = PlanSettings()
    risk: Risk = Risk()
    weights: Weights = Weights()
    sectors: tuple[Sector, ...] = ()
    zones: tuple[Zone, ...] = ()
    sites: tuple[Site, ...] = ()
    links: tuple[LinkConfig, ...] = ()
    meters: tuple[Meter, ...] = ()
    totals: tuple[Total, ...] = ()
    limits: tuple[Limits, ...] = ()
    tariff: Tariff | None = None
    assets: tuple[Asset, ...] = ()
    programmes: tuple[Programme, ...] = ()
    vtns: tuple[Vtn, ...] = ()
    water: Water | None = None
    grid: GridSettings | None = None
    crews: tuple[Crew, ...] = ()
    controls: tuple[Control, ...] = ()
    four_eyes: FourEyes = FourEyes()
    states: tuple[State, ...] = ()
    accounts: tuple[Account, ...] = ()
    carbon: Carbon = Carbon()
    contracts: tuple[Contract, ...] = ()
    suppliers: tuple[Supplier, ...] = ()
    enterprises: tuple[Enterprise, ...] = ()
    buildings: tuple[Building, ...] = ()
    households: HouseholdRules = HouseholdRules()
    targets: tuple[Target, ...] = ()
    gdp: tuple[GdpFigure, ...] = ()
    measures: tuple[Measure, ...] = ()
    imports: tuple[Import, ...] = ()
    drops: tuple[Drop, ...] = ()
    brokers: tuple[Broker, ...] = ()
    loggers: tuple[Logger, ...] = ()
    simulator: Simulator | None = None
    edge: Edge | None = None
    stations: tuple[Station, ...] = ()
    reporting: tuple[Reporting, ...] = ()
    weather: tuple[WeatherFeed, ...] = ()
    forecast: ForecastSettings = ForecastSettings()
    days: CityCalendar = Field(default=CityCalendar(), alias="calendar")
    accounts_file: Annotated[str | None, Names.PRIVATE] = Field(
        default=None, description="console accounts with hashed passwords, beside city.toml"
    )
    access: Access = Access()
    alarms: Alarms = Alarms()
    api: Api = Api()
    api_tokens: tuple[ApiToken, ...] = ()
    cases: CaseSettings = CaseSettings()
    shifts: ShiftSettings = ShiftSettings()
    backup: Backup = Backup()
    retention: Retention = Retention()
    levels: Levels = Levels()
    notify: tuple[Notify, ...] = ()
    metrics: Metrics = Metrics()

    @model_validator(mode="after")
    def _within_forecasts(self) -> Self:
        night, reach_h = self.night, self.forecast.horizon_hours
        asked_h = (60 * night.lead_minutes + night.steps * night.step_s) / 3600
        if asked_h > reach_h:
            raise ValueError(f"[night] lead_minutes and steps x step_s reach {asked_h:g} h; forecasts reach {reach_h} h, so shorten them")
        return self

    @cached_property
    def calendar(self) -> Calendar:
        return self.days.of(self.city.time_zone, self.city.country, self.city.subdivision)


class LoadedCity:
    """Settings with what follows from them: device models, points, folders, the hash for the run record."""

    def __init__(self, settings: Settings, environment: Environment, models: dict[str, DeviceModel], config_hash: str) -> None:
        self.settings, self.environment, self.models, self.config_hash = settings, environment, models, config_hash
        self.folder = environment.folder
        self.beside = environment.city_file.parent
        self.factor_folders = environment.factor_folders
        self.meter = {meter.id: meter for meter in settings.meters}
        longer = {rule.point: rule.step_s for rule in settings.reporting}  # read at the meter's step, stored at the rule's
        self.points: dict[str, Point] = {
            f"{meter.id}.{register.name}": Point(
                id=f"{meter.id}.{register.name}",
                meter=meter.id,
                quantity=register.quantity,
                step_s=longer.get(f"{meter.id}.{register.name}", meter.step_s),
                formerly=tuple(f"{former}.{register.name}" for former in meter.formerly),
            )
            for meter in settings.meters
            for register in models[meter.model].registers
            if register.quantity is not None
        }

    @cached_property
    def coordinates_deg(self) -> dict[str, tuple[float, float]]:
        """{point or sum: latitude and longitude} where its site, or else the city, gives them."""
        city = self.settings.city.coordinates_deg
        of_site = {site.id: site.coordinates_deg or city for site in self.settings.sites}
        where = {point.id: of_site[self.meter[point.meter].site] for point in self.points.values()}
        where |= dict.fromkeys(self.sums.summed, city)
        return {name: found for name, found in where.items() if found is not None}

    @cached_property
    def sums(self) -> sums.Sums:
        """What adds up to what."""
        return sums.declared(self)

    def is_command(self, point: Point) -> bool:
        """Is it a setpoint: written by us, so its limits are for writing, not for believing?"""
        return self.models[self.meter[point.meter].model].register(point.id.rsplit(".", 1)[1]).writable

    def write_limits(self, point_id: str) -> Limits | None:
        """Between what a point may be written: [[limits]], else its register map where that has both ends, else None."""
        point = self.points[point_id]
        told = next((limit for limit in self.settings.limits if limit.point == point_id), None)
        register = self.models[self.meter[point.meter].model].register(point_id.rsplit(".", 1)[1])
        if told is not None or not register.writable or register.write_min is None or register.write_max is None:
            return told
        return Limits(point=point_id, minimum=register.write_min, maximum=register.write_max)

    @property
    def validation_limits(self) -> tuple[Limits, ...]:
        """The limits that readings are validated against."""
        return tuple(
            limit for limit in self.settings.limits if limit.point in self.points and not self.is_command(self.points[limit.point])
        )

    def modulus(self, point: Point) -> int | None:
        """Where a point's register starts again at zero, in the store's integers; None when it never does."""
        return self.models[self.meter[point.meter].model].register(point.id.rsplit(".", 1)[1]).stored_modulus


def load(environment: Environment) -> LoadedCity:
    """Read and check the city file. Raises `PenstockError` with every fault at once, each with its TOML path."""
    raw = environment.raw
    problems: list[Problem] = []
    settings: Settings | None = None
    try:
        settings = Settings.model_validate(raw, context={"beside": environment.city_file.parent})
    except ValidationError as error:
        problems += explained(error, Settings, raw)
    models: dict[str, DeviceModel] = {}
    for path, owner, name in references.model_names(raw):
        try:
            if name not in models:
                models[name] = load_model(name, (environment.city_file.parent / "devices",))
        except PenstockError as error:
            problems += [Problem(f"{path} ({owner})", p.observed, p.allowed, p.remedy) for p in error.problems]
    problems += references.dangling(raw, models)
    problems += names.mismatched(raw, models, environment.factor_folders)
    problems += sums.mismatched(raw, models)
    problems += civil_steps.mismatched(raw)
    problems += edge_settings.mismatched(raw, models)
    problems += road_names.mismatched(raw, models)
    problems += api_settings.mismatched(raw)
    if settings is not None and not problems:
        problems += double_counting(settings.accounts, settings.meters, settings.totals)
    if problems or settings is None:
        raise PenstockError(problems)
    return LoadedCity(settings, environment, models, hashlib.sha256(environment.content).hexdigest())


def path_of(folder: Path, name: str) -> Path:
    """A file below `folder`; a name that leads out of it is refused."""
    made = (folder / name).resolve()
    if not made.is_relative_to(folder.resolve()):
        raise fault(f"path '{name}'", "leads out of the folder", f"a file below {folder.name}/", "Use a plain relative path.")
    return made
