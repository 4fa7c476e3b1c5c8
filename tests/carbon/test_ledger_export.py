"""What leaves the house is checked by a script of a hundred lines that needs nothing but Python."""

import ast
import io
import json
import random
import subprocess
import sys
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from benchmarks import ledger as benchmark
from benchmarks._forgeries import KINDS, stored
from benchmarks._forgeries import forged as forge
from carbon.ledger import files, standalone, standalone_entry
from carbon.ledger.batch import no_entries
from carbon.ledger.chain import append, sealed, to_json
from carbon.ledger.export import export
from carbon.ledger.inclusion import inclusion
from carbon.ledger.ledger import Ledger
from city.problems import PenstockError

START, END = datetime(2022, 3, 1, tzinfo=UTC), datetime(2022, 3, 8, tzinfo=UTC)
ZONE = "Asia/Shanghai"


@pytest.fixture(scope="module")
def ledger():
    return Ledger.of(benchmark.small(1))


@pytest.fixture
def folder(ledger, tmp_path):
    export(ledger, tmp_path, zone=ZONE, start=START, end=END, period="D", by=("site", "carrier"))
    return tmp_path


def run(script, *words):
    """Exit code and what was said, by Python alone: isolated, no site packages of ours on its path."""
    done = subprocess.run([sys.executable, "-I", "-S", str(script), *map(str, words)], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def test_the_verifiers_are_short_and_import_the_standard_library_alone():
    for script in (standalone, standalone_entry):
        text = Path(script.__file__).read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 100
        names = {
            node.module or "" if isinstance(node, ast.ImportFrom) else node.names[0].name
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Import | ast.ImportFrom)
        }
        assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names


def test_a_good_export_is_sound_against_its_root_and_no_other(folder, ledger):
    digest = sha256((folder / "sums.json").read_bytes()).hexdigest()  # which the statement prints: other sums are sound in themselves
    said = f"sound: 4 batches, root {ledger.root}; 2008 entries of 4 batches read; sums.json {digest}\n"
    assert run(folder / "verify.py", folder, ledger.root) == (0, said)
    code, said = run(folder / "verify.py", folder, ledger.batches[0].header.root)
    assert (code, "does not end at the given root" in said) == (1, True)
    assert run(folder / "verify.py")[0] == 1


def test_the_same_ledger_is_exported_as_the_same_bytes(folder, ledger, tmp_path_factory):
    other = tmp_path_factory.mktemp("again")
    export(ledger, other, zone=ZONE, start=START, end=END, period="D", by=("site", "carrier"))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {path.name: path.read_bytes() for path in other.iterdir()}


def test_an_edited_file_a_missing_one_and_a_wrong_sum_are_named(folder, ledger):
    head = ledger.batches[1].header
    path = files.file_of(folder, head.merkle)
    good = path.read_bytes()
    at = files.content(memoryview(good), "").members["amount.npy"]
    offset = good.index(bytes(at)) + 128 + 8 * 100
    path.write_bytes(good[:offset] + bytes([good[offset] ^ 1]) + good[offset + 1 :])
    code, said = run(folder / "verify.py", folder, ledger.root)
    assert (code, f"batch 1: file {head.merkle}.zip" in said) == (1, True)  # its CRC does not fit any more
    path.unlink()
    assert "is missing or cannot be read (FileNotFoundError)" in run(folder / "verify.py", folder, ledger.root)[1]
    path.write_bytes(good)
    sums = json.loads((folder / "sums.json").read_text("utf-8"))
    sums["sums"][0][-5] += 1
    (folder / "sums.json").write_text(json.dumps(sums), encoding="utf-8")
    assert run(folder / "verify.py", folder, ledger.root) == (1, "the entries do not add up to the sums of the statement\n")


def test_a_forged_value_with_a_right_crc_is_placed_to_its_column_and_rows(folder, ledger):
    head, batch = ledger.batches[1].header, ledger.batches[1].batch
    column = batch.columns["amount"].copy()
    column[100] += 1
    good = files.content(memoryview(b"".join(map(bytes, files.encoded(batch)[1]))), "").digests.tobytes()
    made = b"".join(map(bytes, files.encoded(replace(batch, columns={**batch.columns, "amount": column}))[1]))
    with zipfile.ZipFile(io.BytesIO(made)) as source, zipfile.ZipFile(files.file_of(folder, head.merkle), "w") as target:
        for name in source.namelist():  # the digests of before, so that the edit stands out
            target.writestr(name, source.read(name)[:128] + good if name == "digests.npy" else source.read(name))
    _, said = run(folder / "verify.py", folder, ledger.root)
    assert f"batch 1, column amount, rows 0 to {head.rows - 1}: edited" in said
    assert "batch 1: 1 masses that their rules do not give" in said
    assert "batch 1: its content is not what was sealed" in said


def test_a_rewrite_sealed_again_is_sound_in_itself_and_refused_by_the_root(ledger, tmp_path):
    batch = ledger.batches[0].batch
    rules = (replace(batch.rules[0], numerator=0), *batch.rules[1:])
    forged = Ledger.of([replace(batch, rules=rules, columns={**batch.columns, "mg": batch.columns["mg"] * (batch.columns["rule"] != 0)})])
    export(forged, tmp_path, zone=ZONE, start=START, end=END)
    assert run(tmp_path / "verify.py", tmp_path, forged.root)[0] == 0
    assert run(tmp_path / "verify.py", tmp_path, ledger.root) == (
        1,
        "the chain does not end at the given root: cut off, or rewritten and sealed again\n",
    )


@pytest.mark.slow
def test_the_verifier_that_is_shipped_finds_forgeries_of_every_kind(tmp_path):
    """Those of the benchmark, which tries them on `carbon.ledger.verify`; here in one process, as a start of Python costs more."""
    rng, good = random.Random(11), stored(benchmark.small(1))  # noqa: S311 - forgeries to be drawn again, no secret

    def said(number, state):
        (folder := tmp_path / str(number)).mkdir()
        for name, data in state.files.items():
            (folder / f"{name}.zip").write_bytes(data)
        (folder / "chain.json").write_text(json.dumps([to_json(header) for header in state.headers]))
        standalone.faults.clear()
        return standalone.main(folder, good.headers[-1].root)

    assert said("good", good) == 0
    made = [forge(rng, good) for _ in range(160)]
    assert {kind for kind, _ in made} == set(KINDS)
    assert [kind for number, (kind, one) in enumerate(made) if said(number, one.state) == 0] == []


def test_no_byte_around_the_data_can_be_changed(folder, ledger):
    """What another ZIP or NumPy reader would show: an array of another byte order, members before, twice, packed or behind."""
    path = files.file_of(folder, ledger.batches[1].header.merkle)
    good = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}

    def zipped(pairs, how=zipfile.ZIP_STORED):
        with zipfile.ZipFile(made := io.BytesIO(), "w", how) as target:
            for name, data in pairs:
                target.writestr(name, data)
        return made.getvalue()

    forgeries = [
        good.replace(b"\x35\xd9", b"\x35\xd8", 1),  # id of the padding
        good + b"\0",
        b"#!/bin/sh\n" + good,
        zipped([*members.items(), ("late.npy", members["amount.npy"])]),
        zipped(members.items(), zipfile.ZIP_DEFLATED),
        zipped({**members, "amount.npy": members["amount.npy"].replace(b"<i8", b">i8", 1)}.items()),
    ]
    for forged in forgeries:
        path.write_bytes(forged)
        code, said = run(folder / "verify.py", folder, ledger.root)
        assert (code, "batch 1: " in said) == (1, True), said


def test_hostile_chains_and_sums_are_sentences_on_one_line_each(folder, ledger):
    heads = [to_json(one.header) for one in ledger.batches]
    for name, text in (
        ("chain.json", "{"),
        ("chain.json", "[1]"),
        ("chain.json", json.dumps([{**heads[0], "number": "0\x1b[2K\nsound"}, *heads[1:]])),
        ("chain.json", json.dumps([{**heads[0], "rows": 2**31}, *heads[1:]])),
        ("sums.json", '{"by": [], "edges": [], "sums": []}'),
        ("sums.json", json.dumps({**json.loads((folder / "sums.json").read_text("utf-8")), "sums": None})),
    ):
        good = (folder / name).read_bytes()
        (folder / name).write_text(text, encoding="utf-8")
        code, said = run(folder / "verify.py", folder, ledger.root)
        assert (code, said.isascii(), "\x1b" in said, "\nsound" in said) == (1, True, False, False), said
        (folder / name).write_bytes(good)


def test_reordered_deleted_and_edited_headers_are_named(folder, ledger):
    path = folder / "chain.json"
    heads = [to_json(one.header) for one in ledger.batches]
    for forged, words in (
        ([heads[0], heads[2], heads[1], heads[3]], "batch 2: moved"),
        ([heads[0], heads[2], heads[3]], "batch 2: moved, or a batch before it lacks"),
        ([{**heads[0], "reason": "x"}, *heads[1:]], "batch 0: its header was edited"),
        (heads[:-1], "the chain does not end at the given root"),
        ([to_json(sealed(replace(ledger.batches[0].header, rows=1))), *heads[1:]], "batch 1: moved"),
    ):
        path.write_text(json.dumps(forged), encoding="utf-8")
        code, said = run(folder / "verify.py", folder, ledger.root)
        assert (code, words in said) == (1, True), said


def test_one_entry_is_proved_by_a_small_file_and_no_forged_one_is(ledger, tmp_path):
    for name in ("0-0", "1-5", f"{2}-{ledger.batches[2].header.rows - 1}", "3-1"):
        proof = inclusion(ledger, name)
        path = tmp_path / "entry.json"
        path.write_text(json.dumps(proof), encoding="utf-8")
        assert path.stat().st_size < 40_000
        code, said = run(standalone_entry.__file__, path, ledger.root)
        assert (code, f"proved by root {ledger.root}" in said) == (0, True)
        one, row = ledger.find(name)
        assert said.startswith(f"entry: {name}\n")
        assert f"amount: {one.columns['amount'][row]}\n" in said
        assert f"account_id: {one.lines[one.columns['line'][row]].account_id}\n" in said
    forgeries = [
        {**proof, "entry": "3-99"},
        {**proof, "entry": "2-1"},
        {**proof, "entry": "3-0_1"},
        {**proof, "headers": proof["headers"][:0]},
        {**proof, "leaves": [*proof["leaves"][:3], inclusion(ledger, "2-1")["leaves"][3]]},
        {**proof, "leaves": [*proof["leaves"][:3], {**proof["leaves"][3], "beside": ["00" * 32, *proof["leaves"][3]["beside"][1:]]}]},
        {},
    ]
    for forged in forgeries:
        path.write_text(json.dumps(forged), encoding="utf-8")
        code, said = run(standalone_entry.__file__, path, ledger.root)
        assert (code, said.startswith("NOT PROVED")) == (1, True), said
    with pytest.raises(PenstockError, match="not in the ledger"):
        ledger.find("9-0")
    with pytest.raises(PenstockError, match="not in the ledger"):
        ledger.find("0-" + "9" * 5000)


def test_a_batch_without_entries_stays_in_the_chain(ledger, tmp_path):
    first, *others = (one.batch for one in ledger.batches)
    empty = no_entries(first.lines, first.known_at_utc, "nothing came")
    whole = Ledger.of([first, empty, *others])
    assert whole.between(None, None).root == whole.root
    assert len(whole.between(None, None).batches) == 5
    export(whole.between(None, None), tmp_path, zone=ZONE, start=START, end=END)
    code, said = run(tmp_path / "verify.py", tmp_path, whole.root)
    assert (code, "5 batches" in said, "2008 entries of 4 batches read" in said) == (0, True, True)


def test_an_export_needs_the_whole_chain_and_takes_only_the_files_it_rests_on(ledger, tmp_path):
    with pytest.raises(PenstockError, match="all batches from number 0"):
        export(Ledger(ledger.batches[1:]), tmp_path, zone=ZONE, start=START, end=END)
    headers = []
    for one in ledger.batches:
        headers.append(append(one.batch, tmp_path / "store", headers[-1] if headers else None))
    later = datetime(2022, 3, 9, tzinfo=UTC)
    made = export(Ledger.open(headers, tmp_path / "store"), tmp_path / "out", zone=ZONE, start=later, end=datetime(2022, 4, 1, tzinfo=UTC))
    assert [path.name for path in made if path.suffix == ".zip"] == [f"{headers[2].merkle}.zip"]
    assert run(tmp_path / "out" / "verify.py", tmp_path / "out", ledger.root)[0] == 0
