"""The service levels: what each counts as good of what in all. The docs' table and the console's are made from these rows."""

from typing import NamedTuple

from service.levels.settings import Levels


class Level(NamedTuple):
    """One level by its name in `[levels]`; English and Chinese titles; what is good, of what in all, and the records that say so."""

    name: str
    title: tuple[str, str]
    good: str
    total: str
    records: str

    def target(self, settings: Levels) -> float:
        value: float = getattr(settings, self.name)
        return value


ONLINE = Level(
    "meters_online",
    ("Meters online", "表计在线率"),
    "readings whose meter answered, whatever it said",
    "readings that were asked for; what was never asked for (overrun) is left out",
    "slot_quality",
)
STORED = Level(
    "stored_in_time",
    ("Stored within a minute", "一分钟内入库率"),
    "new readings whose transaction ran at most 60 s after they were read",
    "new readings, by the hour in which they were read",
    "stored_lag",
)
ACCURACY = Level(
    "forecast_accuracy",
    ("Forecast accuracy", "预测准确率"),
    "1 - sum of |actual - P50| / sum of |actual| of each feeder and DMA over the civil day after the night, at least 0, added up",
    "feeders and DMAs with a forecast and at least half of the day measured",
    "forecast, meter_day; skill until a first forecast is over",
)
NIGHTS = Level(
    "nights_on_time",
    ("Nights on time", "夜间批次按时率"),
    "nights that ended as done, or done with problems, by `night_by`",
    "civil days whose `night_by` came after the start of the first night; today counts once its night has ended or `night_by` is past",
    "run",
)
API = Level("api_success", ("API success", "接口成功率"), "calls answered with a status below 500", "calls of the API", "api_hour")
AVAILABILITY = Level(
    "availability",
    ("Availability", "服务可用率"),
    "seconds in which all of `availability_of` were up",
    "seconds since the first of these processes was up or, if earlier, the first night was over, without planned stops",
    "up_span",
)
LEVELS = (ONLINE, STORED, ACCURACY, NIGHTS, API, AVAILABILITY)
BY_NAME = {level.name: level for level in LEVELS}
