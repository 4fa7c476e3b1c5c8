"""Certificates and weather come in packed and as Parquet too, within the same bounds, and with who took what in the audit."""

import gzip
import os
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import select

from service import schema as t
from service.exchange import foreign
from service.exchange.files_in import sha256
from service.store import open_store
from tests.exchange.test_take import take
from tests.town import Town, count

LOTS = (
    "id,scheme,first,last,issued_on,produced_from,produced_to,technology,plant,market\n"
    "roof-1,GEC,R1,R3,2022-06-12,2022-06-01,2022-06-10,solar,sun,CN\n"
)
WEATHER = "issued_at,time,variable,value,unit\n" + "".join(
    f"2022-06-15T18:00Z,2022-06-16T{hour:02d}:00Z,temperature_degc,{20 + hour},\n" for hour in range(6)
)


@pytest.fixture
def windy(full: Town) -> Town:
    full.file.write_text(f'{full.file.read_text(encoding="utf-8")}\n[[weather]]\nsource = "met"\nfolder = "met"\n', encoding="utf-8")
    return full


def forms(folder: Path, text: str) -> list[Path]:
    """The same table as CSV, packed, and Parquet."""
    (folder / "a.csv").write_text(text)
    (folder / "b.csv.gz").write_bytes(gzip.compress(text.encode()))
    frame = pd.read_csv(folder / "a.csv", keep_default_na=False)
    for name in ("issued_at", "time"):
        if name in frame:
            frame[name] = pd.to_datetime(frame[name], utc=True)
    for name in ("issued_on", "produced_from", "produced_to"):
        if name in frame:
            frame[name] = pd.to_datetime(frame[name]).dt.date
    frame.to_parquet(folder / "c.parquet", index=False)
    return [folder / name for name in ("a.csv", "b.csv.gz", "c.parquet")]


@pytest.mark.parametrize("first", [0, 1, 2])
def test_certificates_are_the_same_lots_in_every_form(first: int, full: Town, tmp_path: Path) -> None:
    paths = forms(tmp_path, LOTS)
    answer = take(full, "certificates", paths[first])
    assert "3 certificates of sun" in answer.out, answer.all
    for path in paths:
        assert "imported before, nothing changed" in take(full, "certificates", path).out
    with open_store(full.database).connect() as connection:
        sentence = connection.execute(select(t.audit.c.sentence).where(t.audit.c.action == "import certificates")).scalar_one()
        source = connection.execute(select(t.instrument_lot.c.source)).scalar_one()
    assert source == f"{paths[first].name} {sha256(paths[first])}"
    assert source in sentence


@pytest.mark.parametrize("first", [0, 1, 2])
def test_weather_is_the_same_vectors_in_every_form_and_stands_in_the_audit(first: int, windy: Town, tmp_path: Path) -> None:
    paths = forms(tmp_path, WEATHER)
    answer = take(windy, "weather", paths[first])
    assert "1 vectors of temperature_degc stored" in answer.out, answer.all
    for path in paths:
        assert "stored before, nothing new" in take(windy, "weather", path).out
    with open_store(windy.database).connect() as connection:
        lines = connection.execute(select(t.audit.c.who, t.audit.c.sentence).where(t.audit.c.action == "take weather")).all()
    assert {line.who for line in lines} == {"ada"}
    assert sha256(paths[first]) in lines[0].sentence


@pytest.mark.parametrize("kind", ["certificates", "weather"])
def test_what_would_never_end_or_become_large_is_refused(kind: str, windy: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "device.csv").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe.csv")
    for name in ("device.csv", "pipe.csv"):
        answer = take(windy, kind, tmp_path / name)
        assert (answer.code, answer.foreseen) == (1, True)
        assert "no regular file" in answer.err
    text = LOTS if kind == "certificates" else WEATHER
    monkeypatch.setattr(foreign, "MOST_BYTES", len(text) - 1)
    for path in forms(tmp_path, text):
        answer = take(windy, kind, path)
        assert (answer.code, answer.foreseen) == (1, True)
        assert "MB of CSV" in answer.err
    assert count(windy, t.instrument_lot) == count(windy, t.weather) == 0


def test_the_older_commands_wait_for_no_pipe_either(windy: Town, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for words in (
        ["carbon", "certificates", "import", str(tmp_path / "pipe.csv"), "--who", "ada"],
        ["forecast", "weather", "import", str(tmp_path / "pipe.csv")],
    ):
        answer = windy.penstock(*words)
        assert (answer.code, answer.foreseen) == (1, True)
        assert "no regular file" in answer.err
