"""Why two people must decide, as it is stored with a decision, in the session's language."""

from console.words.catalogue import Catalogue

_REASONS = Catalogue(
    {
        "a switching order": "倒闸操作",
        "setpoints change by {value} kW together, above {limit}": "设定值合计变化 {value} kW，超过 {limit} kW",
        "{point} changes by {value} kW, above {limit}": "{point} 变化 {value} kW，超过 {limit} kW",
        "{count} valves turn, above {limit}": "操作阀门 {count} 台，超过 {limit} 台",
        "{count} customers are cut off, above {limit}": "影响用户 {count} 户，超过 {limit} 户",
    }
)


def reasons(stored: str) -> str:
    """The reasons, each in words of its own."""
    return "; ".join(_REASONS.told(one) for one in stored.split("; "))
