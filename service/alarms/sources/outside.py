"""Telling people outside: channels whose notices nobody took for a day."""

from collections.abc import Iterator

from service.alarms.conditions import Condition, Seen, alike
from service.alarms.kinds import Kind
from service.notices import outbox

UNTOLD = Kind(
    "notice_given_up",
    ("Nobody is told by {subject}: {sentence}", "通知渠道 {subject} 无法送达：{sentence}"),
    (
        "Look at the server and [[notify]], then run `penstock notices retry`.",
        "检查服务器与 [[notify]] 配置，然后运行 `penstock notices retry`。",
    ),
    ("People on call do not learn of nights and alarms.", "值班人员收不到夜间批次与报警通知。"),
    "major",
    60,
    "runs",
)
KINDS = (UNTOLD,)


def found(seen: Seen) -> Iterator[Condition]:
    """One condition per channel of the city file with a notice that was given up."""
    channels = {channel.id for channel in seen.city.settings.notify}
    lost = {row.channel: row for row in outbox.given_up(seen.engine)} if channels else {}
    for name in sorted(channels & set(lost)):
        row = lost[name]
        yield Condition(UNTOLD.name, name, row.made_utc, {"sentence": row.error}, f"{name} {alike(row.error)}", about="")
