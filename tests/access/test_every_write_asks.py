"""No way from a page or a command to a person's audited write that does not ask who may: found by walking the calls of the source."""

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ASKS = {"require", "permitted"}
WRITES = {"record"}  # the one way to write an audit line: `operations.record`
OPEN = {
    "service.deciding._stop": "the emergency stop is open to whoever may run the command",
    "service.store.operations.enter_stop": "what it enters was decided, and audited, when the stop file was written",
    "service.access.sign_in.": "signing in is for everybody",
    "service.access.sessions.": "signing in and out is for everybody",
    "service.books.households.": "they ask whether the person is the owner whom the consent names, whatever the role",
    "service.keeping.restoring.restore": "who may replace the database on the machine may put a backup back",
    "service.retention.": "the city file says what goes; who may run the command says when, as the night does",
    "service.keeping.upgrading.": "who may install a release may bring the store to it",
    "service.cli_audit.head": "who may run the command may keep a head of the audit outside: it decides nothing",
    "service.cli_meters.dead_letters": "who may run the command may offer readings to the store again",
    "service.cli_plan.now_": "who may run the command may ask for a plan; it waits for an approval",
    "service.cli_plan.pareto": "who may run the command may ask what a plan trades; it cannot be approved",
    "service.cli_response.poll": "what the utility's server called is written in the server's name",
}
MACHINES = {
    f"service.{name}" for name in ("cli.poll", "cli_night.night", "cli.work", "cli.import_", "cli.receive", "cli.demo", "cli_grid.flow")
}
Name = str  # module.function


@cache
def _sources() -> dict[str, ast.Module]:
    paths = [path for folder in ("service", "console") for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): ast.parse(path.read_text()) for path in paths}


def _imports(tree: ast.AST) -> dict[str, str]:
    """{name in the module: what it stands for}."""
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def _called(node: ast.AST, module: str, imports: dict[str, str], classes: set[str]) -> set[Name]:
    """What a function names of other functions: calls, and functions it hands on (to `partial`, to `decide`)."""
    found = set()
    for one in ast.walk(node):
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load):
            found.add(imports.get(one.id, f"{module}.{one.id}"))
        elif isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name):
            base = one.value.id
            found |= {f"{module}.{name}.{one.attr}" for name in classes} if base == "self" else {f"{imports.get(base, base)}.{one.attr}"}
    return found


@cache
def _calls() -> dict[Name, set[Name]]:
    made: dict[Name, set[Name]] = {}
    for module, tree in _sources().items():
        imports, classes = _imports(tree), {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
        for top in tree.body:
            inner = top.body if isinstance(top, ast.ClassDef) else [top]
            for node in inner:
                if isinstance(node, ast.FunctionDef):
                    name = f"{module}.{top.name}.{node.name}" if isinstance(top, ast.ClassDef) else f"{module}.{node.name}"
                    made[name] = _called(node, module, imports, classes)
    return made


def _last(name: Name) -> str:
    return name.rsplit(".", 1)[-1]


def _writes_for_a_person(name: Name) -> bool:
    """Does the function itself write an audit line in the name of whoever it is given?"""
    module, function = name.rsplit(".", 1)
    tree = _sources().get(module) or _sources().get(module.rsplit(".", 1)[0])
    assert tree is not None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == function:
            for call in ast.walk(node):
                if isinstance(call, ast.Call) and _last(ast.unparse(call.func)) in WRITES and len(call.args) == 6:
                    who = call.args[2]
                    return not isinstance(who, ast.Constant) and not ast.unparse(who).rsplit(".", 1)[-1].isupper()  # WORK: a machine
    return False


def _asks(name: Name) -> bool:
    """Does the function ask itself, by a function of `service.decisions`, or by a private one of its own module?"""
    module = name.rsplit(".", 1)[0]
    own = {one for one in _calls()[name] if one.startswith(f"{module}._") and one in _calls()}
    asked = _calls()[name].union(*(_calls()[one] for one in own))
    return any(_last(one) in ASKS or (one.startswith("service.decisions.") and one in _calls()) for one in asked)


def unasked() -> list[tuple[Name, Name]]:
    """(entry, write): a page's or command's function from which a write is reached on a way that asks nobody."""
    calls = _calls()
    callers: dict[Name, set[Name]] = defaultdict(set)
    for name, named in calls.items():
        for target in named & set(calls):
            callers[target].add(name)
    found = []
    for write in filter(_writes_for_a_person, calls):
        seen, waiting = {write}, [write]
        while waiting:
            name = waiting.pop()
            if name.startswith(tuple(OPEN)) or name in MACHINES or _asks(name):
                continue
            if name.startswith(("service.cli", "console.")):
                found.append((name, write))
                continue
            waiting += callers[name] - seen
            seen |= callers[name]
    return sorted(set(found))


def test_every_way_from_a_page_or_a_command_to_a_decision_asks_who_may() -> None:
    assert unasked() == []


def test_the_walk_sees_the_writes_it_is_about() -> None:
    writes = {name for name in _calls() if _writes_for_a_person(name)}
    assert {
        "service.store.operations.place_hold",
        "service.leakage.told.dug",
        "service.known_events.add",
        "service.valve_states.tell",
    } <= writes
    assert len(writes) > 20


def test_a_way_around_would_be_found(monkeypatch) -> None:
    around = "from service.store import operations\ndef page(person):\n    operations.place_hold(None, '*', person.name, None, '')\n"
    monkeypatch.setitem(_sources(), "console.around", ast.parse(around))
    _calls.cache_clear()
    try:
        assert ("console.around.page", "service.store.operations.place_hold") in unasked()
    finally:
        _calls.cache_clear()
