"""The summary of a night's report as it stands in a notice: a few figures, then what went wrong."""

from collections.abc import Mapping
from typing import Any

from service.notices.words import words
from service.run_report.words import named
from service.run_report.words import words as report_words


def facts(report: Mapping[str, Any], language: str) -> list[list[str]]:
    """[label, value] in the order they are read."""
    say, terms, plan, run = words(language), report_words(language), report["plan"], report["run"]
    made = [[say("status"), named(terms, "status", run["status"])], [say("run"), str(run["id"])]]
    if run["seconds"] is not None:
        made.append([say("took"), f"{run['seconds']:,.0f} s"])
    if run["config"]["author"]:
        made.append([say("author"), run["config"]["author"]])
    made.append([say("plan"), f"{plan['plan_id']}, {plan['status']}" if plan else say("no_plan")])
    if plan and plan["cost"] is not None and plan["baseline_cost"] is not None:
        made.append([say("cost"), f"{plan['cost']:,.0f} / {plan['baseline_cost']:,.0f} {report['city']['currency']}"])
    if plan and plan["co2_kg"] is not None and plan["baseline_co2_kg"] is not None:
        made.append([say("co2"), f"{plan['co2_kg'] / 1000:,.2f} / {plan['baseline_co2_kg'] / 1000:,.2f} t"])
    alarms = report["alarms"]["by_priority"]
    made.append([say("alarms_by"), " / ".join(str(alarms[priority]) for priority in ("1", "2", "3"))])
    counts = report["counts"]
    for key, count in (("waits", counts["approvals"]), ("leaks", counts["leaks"]), ("zones", len(report["zones_out"]))):
        if count:
            made.append([say(key), str(count)])
    return made


def lines(report: Mapping[str, Any], language: str) -> list[str]:
    """What went wrong: zones left out, then the sentence and the problems of every step that was not simply done."""
    terms = report_words(language)
    told = [f"{one['zone']}: {one['problems'][0] if one['problems'] else named(terms, 'step', one['step'])}" for one in report["zones_out"]]
    for step in report["steps"]:
        if step["status"] != "done":
            name = named(terms, "step", step["name"])
            told += [f"{name}: {sentence}" for sentence in (step["sentence"], *step["problems"])]
    return told
