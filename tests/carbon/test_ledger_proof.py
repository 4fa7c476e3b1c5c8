"""What was posted cannot be changed unseen, and the finding says where."""

import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import ledger as benchmark
from benchmarks._forgeries import KINDS
from carbon.ledger import files, signature
from carbon.ledger.batch import COLUMNS, GENESIS
from carbon.ledger.chain import append, sealed
from carbon.ledger.ledger import Ledger
from carbon.ledger.merkle import audit_path, tree_root
from carbon.ledger.verify import verify
from city.problems import PenstockError


@pytest.fixture(scope="session")
def small():
    """2,008 entries in three batches and a restatement."""
    return benchmark.small(1)


@pytest.fixture
def kept(small, tmp_path):
    headers = []
    for batch in small:
        headers.append(append(batch, tmp_path, headers[-1] if headers else None))
    return headers, tmp_path


def test_untouched_batches_are_sound_and_chained_from_genesis(kept):
    headers, folder = kept
    assert verify(headers, folder, headers[-1].root) == ()
    assert headers[0].previous == GENESIS
    assert [later.previous for later in headers[1:]] == [earlier.root for earlier in headers[:-1]]
    assert [sealed(header) for header in headers] == headers


def test_a_batch_read_back_is_the_batch_and_the_same_content_is_the_same_file(kept, small, tmp_path):
    headers, folder = kept
    for header, batch in zip(headers, small, strict=True):
        found = files.read(folder, header)
        assert (found.lines, found.rules, found.reason, found.known_at_utc) == (batch.lines, batch.rules, batch.reason, batch.known_at_utc)
        assert all(np.array_equal(found.columns[name], batch.columns[name]) for name in COLUMNS)
        before = files.file_of(folder, header.merkle).read_bytes()
        assert files.file_of(tmp_path / "b", files.write(found, tmp_path / "b")).read_bytes() == before
        with zipfile.ZipFile(io.BytesIO(before)) as archive:  # any ZIP reader, and NumPy, can read it
            assert archive.testzip() is None
            assert np.load(io.BytesIO(archive.read("amount.npy"))).tolist() == batch.columns["amount"].tolist()
    assert not list(folder.glob("*.part"))


def test_the_tree_is_that_of_rfc_6962(kept):
    """Root and audit path of every leaf, against the definition of section 2.1 written down a second time."""
    import hashlib

    def root_of(leaves):
        if len(leaves) == 1:
            return leaves[0]
        k = 1 << (len(leaves) - 1).bit_length() - 1
        return hashlib.sha256(b"\1" + root_of(leaves[:k]) + root_of(leaves[k:])).digest()

    def path(m, leaves):
        if len(leaves) == 1:
            return []
        k = 1 << (len(leaves) - 1).bit_length() - 1
        near, far, m = (leaves[:k], leaves[k:], m) if m < k else (leaves[k:], leaves[:k], m - k)
        return [*path(m, near), root_of(far).hex()]

    for count in range(1, 20):
        leaves = [hashlib.sha256(bytes([i])).digest() for i in range(count)]
        assert tree_root(leaves) == root_of(leaves).hex()
        assert [audit_path(leaves, m) for m in range(count)] == [path(m, leaves) for m in range(count)]


@pytest.mark.parametrize("name", list(COLUMNS))
def test_an_edited_value_is_found_in_its_column_and_rows(kept, name):
    headers, folder = kept
    header = headers[1]
    batch = files.read(folder, header)
    path = files.file_of(folder, header.merkle)
    row = header.rows - 1
    column = np.array(batch.columns[name])
    column[row] += 1
    kept_digests = files.content(memoryview(path.read_bytes()), "").digests
    made = b"".join(bytes(piece) for piece in files.encoded(replace(batch, columns={**batch.columns, name: column}))[1])
    again = files.content(memoryview(made), "").digests  # the digests of before stand in the forged file
    path.write_bytes(made.replace(again.tobytes(), kept_digests.tobytes()))
    found = verify(headers, folder)
    assert f"ledger batch 1, column {name}, rows 0 to {row}" in [problem.subject for problem in found]


def test_a_missing_batch_file_a_cut_tail_and_a_rewrite_sealed_again_are_told_apart(kept, small):
    headers, folder = kept
    root = headers[-1].root
    assert verify(headers[:-1], folder) == ()
    assert "the given root" in verify(headers[:-1], folder, root)[0].allowed
    halved = [
        replace(batch, columns={**batch.columns, "amount": np.zeros(batch.rows, "<i8"), "mg": np.zeros(batch.rows, "<i8")})
        for batch in small
    ]
    rewritten = []
    for batch in halved:
        rewritten.append(append(batch, folder, rewritten[-1] if rewritten else None))
    assert verify(rewritten, folder) == ()
    (found,) = verify(rewritten, folder, root)
    assert "the given root" in found.allowed
    files.file_of(folder, headers[2].merkle).unlink()
    (found,) = verify(headers, folder, root)
    assert (found.subject, f"{headers[2].merkle}.zip is missing" in found.observed) == ("ledger batch 2", True)


def test_a_mass_its_rule_does_not_give_is_found_even_where_it_was_sealed(small, tmp_path):
    mg = small[0].columns["mg"].copy()
    mg[7] += 1
    header = append(replace(small[0], columns={**small[0].columns, "mg": mg}), tmp_path)
    (found,) = verify([header], tmp_path, header.root)
    assert "the first in row 7" in found.observed


def test_a_ratio_that_is_no_whole_number_is_a_finding_not_a_crash(small, tmp_path):
    rules = (replace(small[0].rules[0], numerator="5153"), *small[0].rules[1:])
    header = append(replace(small[0], rules=rules), tmp_path)
    (found,) = verify([header], tmp_path, header.root)
    assert "no whole numbers" in found.observed


def test_two_lines_in_one_line_of_text_are_no_lines(small):
    lines, rules = files.dictionaries(small[0])
    assert files.parsed((lines, rules), "batch 0")[0] == small[0].lines
    with pytest.raises(PenstockError, match="lines or rules that cannot be read"):
        files.parsed((lines.replace(b"\n", b",", 1), rules), "batch 0")


def test_a_batch_is_not_sealed_behind_one_that_was_known_later(small, tmp_path):
    with pytest.raises(PenstockError, match="Check the clock"):
        append(small[0], tmp_path, append(small[1], tmp_path))


def test_a_chain_may_begin_at_the_root_of_a_former_ledger(small, tmp_path):
    header = append(small[0], tmp_path, genesis="ab" * 32)
    assert header.previous == "ab" * 32
    assert verify([header], tmp_path, header.root) == ()


@pytest.mark.slow
def test_of_hundreds_of_forgeries_of_every_kind_none_is_missed_and_every_edited_cell_is_named():
    made = benchmark.attack(seed=7, count=600)
    assert (made["missed"], made["misplaced"]) == ([], 0)
    assert set(made["kinds"]) == set(KINDS)


def test_a_signature_holds_for_its_root_and_key_alone(kept):
    private = signature.new_key()
    public, root = signature.public_key(private), kept[0][-1].root
    made = signature.sign(private, root)
    assert signature.check(public, root, made)
    assert not signature.check(public, kept[0][0].root, made)
    assert not signature.check(signature.public_key(signature.new_key()), root, made)
    assert not signature.check(public, root, made[:-2] + "zz")
    with pytest.raises(PenstockError, match="32 bytes, hex"):
        signature.sign("00", root)


def test_an_empty_ledger_has_the_root_of_nothing():
    assert (Ledger.of([]).root, verify([], None, GENESIS)) == (GENESIS, ())
