"""Saved runs: whole or not at all, the same bytes for the same inputs, and no damage that goes unseen."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from fiscalsim import store as store_module
from fiscalsim.errors import InputError, IntegrityError, ModelError
from fiscalsim.store import TABLES, RunStore, check_run, open_run
from tests.fake_run import fake_result, with_table


def parquet_bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.parquet"))}


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_a_saved_run_returns_every_table_as_it_was(tmp_path):
    result = fake_result()
    saved = open_run(RunStore(tmp_path).save(result))
    assert set(saved.table_names) == set(result.tables)
    for name, table in result.tables.items():
        pd.testing.assert_frame_equal(saved.table(name), table)


def test_the_folder_is_named_by_scenario_and_digest(tmp_path):
    result = fake_result(name="辽宁-基准")
    assert RunStore(tmp_path).save(result).name == f"辽宁-基准-{result.scenario.digest8}"


def test_two_computations_of_the_same_inputs_give_the_same_bytes(tmp_path):
    first = RunStore(tmp_path / "a").save(fake_result())
    second = RunStore(tmp_path / "b").save(replace(fake_result(), timings={"allocation": 99.0}))
    assert parquet_bytes(first) == parquet_bytes(second)
    assert open_run(first).manifest["content_sha256"] == open_run(second).manifest["content_sha256"]


def test_minus_zero_and_zero_are_saved_alike(tmp_path):
    plain, signed = fake_result(), fake_result()
    plain.tables["components"]["internal_migration"] = 0.0
    signed.tables["components"]["internal_migration"] = -0.0
    assert parquet_bytes(RunStore(tmp_path / "a").save(plain)) == parquet_bytes(RunStore(tmp_path / "b").save(signed))


def test_saving_the_same_run_again_returns_the_one_that_is_there(tmp_path):
    store = RunStore(tmp_path)
    first = store.save(fake_result())
    before = {path: path.stat().st_mtime_ns for path in first.iterdir()}
    assert store.save(fake_result()) == first
    assert {path: path.stat().st_mtime_ns for path in first.iterdir()} == before


def test_saving_over_a_damaged_run_is_refused(tmp_path):
    store = RunStore(tmp_path)
    folder = store.save(fake_result())
    (folder / "demand.parquet").write_bytes(b"nothing")
    with pytest.raises(IntegrityError, match=r"demand\.parquet"):
        store.save(fake_result())


def test_other_numbers_from_the_same_inputs_are_refused_and_the_saved_run_stays(tmp_path):
    store, result = RunStore(tmp_path), fake_result()
    folder = store.save(result)
    changed = with_table(result, "indicators", result.tables["indicators"].assign(value=1.0))
    with pytest.raises(IntegrityError, match=r"other numbers in indicators\.parquet"):
        store.save(changed)
    pd.testing.assert_frame_equal(open_run(folder).table("indicators"), result.tables["indicators"])


def test_changed_code_makes_another_run(tmp_path, monkeypatch):
    store = RunStore(tmp_path)
    old = store.save(fake_result())
    monkeypatch.setattr(store_module, "_code_digest", lambda: "0" * 16)
    new = store.save(fake_result(coverage=0.9))
    assert new != old
    assert check_run(old) == check_run(new) == []


def test_other_data_under_the_same_scenario_become_a_second_run(tmp_path):
    store = RunStore(tmp_path)
    old = store.save(fake_result())
    new = store.save(replace(fake_result(), pack_digest="cd" * 32))
    assert new != old
    assert store.save(replace(fake_result(), pack_digest="cd" * 32)) == new
    assert store.open(old.name[-8:]).manifest["pack_digest"] == "ab" * 32
    assert store.open(new.name[-8:]).manifest["pack_digest"] == "cd" * 32
    assert check_run(new) == []


def test_find_returns_only_a_run_of_exactly_these_inputs(tmp_path):
    store, result = RunStore(tmp_path), fake_result()
    folder = store.save(result)
    found = store.find(result.scenario, result.pack_digest, result.versions)
    assert found is not None
    assert found.path == folder
    assert store.find(result.scenario, "cd" * 32, result.versions) is None


def test_the_manifest_tells_what_the_run_was_made_of(tmp_path):
    result = fake_result(settings={"demography.tfr": 0.8})
    manifest = json.loads((RunStore(tmp_path).save(result) / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["scenario"]["set"] == {"demography.tfr": 0.8}
    assert manifest["passes"][0]["status"] == "optimal"
    assert manifest["solver_options"] == {"random_seed": 0, "threads": 1}
    assert manifest["checks_passed"] is True
    assert set(manifest["files"]) == {f"{name}.parquet" for name in result.tables}
    assert manifest["record"]["when"]


def test_columns_beyond_the_contract_are_kept_and_listed(tmp_path):
    result = fake_result()
    wider = with_table(result, "capacity", result.tables["capacity"].assign(note="x"))
    saved = open_run(RunStore(tmp_path).save(wider))
    assert saved.manifest["tables"]["capacity"]["extra_columns"] == ["note"]
    assert "summary" in saved.manifest["extra_tables"]


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_result_without_a_table_of_the_contract_is_not_saved(tmp_path, name):
    result = fake_result()
    lacking = replace(result, tables={key: table for key, table in result.tables.items() if key != name})
    with pytest.raises(ModelError, match=f"table {name} is missing"):
        RunStore(tmp_path).save(lacking)
    assert not tmp_path.exists() or visible(tmp_path) == []


def test_a_column_of_mixed_kinds_is_refused_by_name(tmp_path):
    result = fake_result()
    mixed = with_table(result, "extra", pd.DataFrame({"a": pd.Series([1, "x"], dtype=object)}))
    with pytest.raises(ModelError, match="table extra"):
        RunStore(tmp_path).save(mixed)


# --- damage ---------------------------------------------------------------------------------------------------------


def test_a_flipped_bit_anywhere_in_a_run_is_found(tmp_path):
    folder = RunStore(tmp_path).save(fake_result())
    chance = random.Random(1)
    for path in sorted(folder.iterdir()):
        good = path.read_bytes()
        for _ in range(6):
            position, bit = chance.randrange(len(good)), chance.randrange(8)
            bad = bytearray(good)
            bad[position] ^= 1 << bit
            path.write_bytes(bytes(bad))
            assert check_run(folder) != [], f"{path.name}: bit {bit} of byte {position}"
        path.write_bytes(good)
    assert check_run(folder) == []


def test_reading_a_damaged_table_raises_before_any_number_is_seen(tmp_path):
    folder = RunStore(tmp_path).save(fake_result())
    path = folder / "allocation.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(bytes(content))
    with pytest.raises(IntegrityError, match="allocation"):
        open_run(folder).table("allocation")


def test_missing_foreign_and_linked_files_are_found(tmp_path):
    store = RunStore(tmp_path)
    folder = store.save(fake_result())
    (folder / "notes.txt").write_text("x")
    assert any("notes.txt" in line for line in store.check(folder.name))
    (folder / "notes.txt").unlink()
    content = (folder / "fiscal.parquet").read_bytes()
    (folder / "fiscal.parquet").unlink()
    assert any("fiscal.parquet" in line for line in store.check(folder.name))
    (tmp_path / "elsewhere").write_bytes(content)
    (folder / "fiscal.parquet").symlink_to(tmp_path / "elsewhere")
    assert any("fiscal.parquet" in line for line in store.check(folder.name))


def test_a_renamed_run_no_longer_passes_its_check(tmp_path):
    folder = RunStore(tmp_path).save(fake_result())
    other = folder.rename(tmp_path / "toy-00000000")
    assert any("renamed" in line for line in check_run(other))


def test_a_manifest_that_points_outside_its_folder_is_refused(tmp_path):
    folder = RunStore(tmp_path).save(fake_result())
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["tables"]["fiscal"]["file"] = "../../secret.parquet"
    manifest["files"]["../../secret.parquet"] = "0" * 64
    manifest["manifest_sha256"] = store_module._sha(store_module._without(manifest, "manifest_sha256"))
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(IntegrityError, match="cannot belong"):
        open_run(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"schema_version": 2}', b"[" * 100_000])
def test_a_spoiled_manifest_is_an_integrity_error(tmp_path, content):
    folder = RunStore(tmp_path).save(fake_result())
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises(IntegrityError, match="manifest"):
        open_run(folder)
    assert list(RunStore(tmp_path).damaged()) == [folder.name]
    assert RunStore(tmp_path).list() == []


def test_a_check_that_did_not_pass_is_reported(tmp_path):
    result = fake_result()
    failed = with_table(result, "checks", result.tables["checks"].assign(passed=False))
    folder = RunStore(tmp_path).save(failed)
    assert any("people_balance" in line for line in check_run(folder))
    assert open_run(folder).manifest["checks_passed"] is False


def test_people_who_appear_from_nowhere_are_found_from_the_tables_alone(tmp_path):
    result = fake_result()
    grown = result.tables["population"].copy()
    grown.loc[grown.index[-1], "persons"] += 1
    folder = RunStore(tmp_path).save(with_table(result, "population", grown))
    assert any("closing is not opening" in line for line in check_run(folder))


# --- interruption ---------------------------------------------------------------------------------------------------

KILLED = """
import sys, itertools
sys.path.insert(0, {top!r})
from tests.fake_run import fake_result
from fiscalsim.store import RunStore
store = RunStore({runs!r})
print("ready", flush=True)
for number in itertools.count(int(sys.argv[1])):
    store.save(fake_result(name=f"toy{{number}}"))
"""


def test_a_killed_save_leaves_no_half_run(tmp_path):
    script = tmp_path / "child.py"
    runs = tmp_path / "runs"
    script.write_text(KILLED.format(top=str(Path(__file__).parents[1]), runs=str(runs)))
    chance = random.Random(3)
    for start in (0, 1000, 2000, 3000):
        child = subprocess.Popen([sys.executable, str(script), str(start)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stdout.readline().strip() == b"ready"
        time.sleep(0.2 + chance.random() * 0.3)
        child.send_signal(signal.SIGKILL)
        child.wait()
    store = RunStore(runs)
    assert len(store.names()) >= 4
    assert visible(runs) == list(store.names())
    assert {name: store.check(name) for name in store.names() if store.check(name)} == {}


def test_processes_that_save_the_same_runs_at_once_lose_and_mix_nothing(tmp_path):
    runs = tmp_path / "runs"
    script = tmp_path / "child.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from tests.fake_run import CODE, fake_result\nfrom fiscalsim import store\nstore._code_digest = lambda: CODE\n"
        f"for number in range(12):\n    store.RunStore({str(runs)!r}).save(fake_result(name=f'toy{{number}}', price=1000.0 + number))\n"
    )
    children = [subprocess.Popen([sys.executable, str(script)], stderr=subprocess.PIPE) for _ in range(3)]
    assert [(child.communicate()[1], child.returncode) for child in children] == [(b"", 0)] * 3
    store = RunStore(runs)
    assert len(store.names()) == 12
    assert visible(runs) == list(store.names())
    assert [line for name in store.names() for line in store.check(name)] == []
    assert {int(run.name[3:-9]): run.table("demand")["standard_yuan"].iloc[0] - 1000 for run in store.list()} == {number: number for number in range(12)}


@pytest.mark.parametrize("broken", ["fsync", "rename", "open", "mkdir"])
def test_a_failing_disk_leaves_nothing_at_whatever_step_it_fails(tmp_path, monkeypatch, broken):
    """Fail the k-th call of one kind for k = 0, 1, ... until a save goes through undisturbed."""
    real = getattr(os, broken)
    survived = False
    for k in range(60):
        calls = iter(range(10_000))

        def fail(*args, k=k, calls=calls, **kwargs):
            if next(calls) == k:
                raise OSError(28, "No space left on device")
            return real(*args, **kwargs)

        folder = tmp_path / f"runs{k}"
        store = RunStore(folder)
        with monkeypatch.context() as patch:
            patch.setattr(os, broken, fail)
            try:
                store.save(fake_result())
                survived = True
            except IntegrityError as error:
                assert "No space left" in str(error)
        if survived:
            break
        for name in store.names():  # only the last flush, after the rename, may fail with the run already whole
            assert store.check(name) == []
        assert not list(folder.glob(".tmp-*"))
    assert survived
    assert k > 0


def test_leftovers_older_than_a_day_are_swept_and_younger_ones_stay(tmp_path):
    store = RunStore(tmp_path)
    for name, age in ((".tmp-old", 90_000), (".tmp-young", 3_600)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    assert store.sweep() == [".tmp-old"]
    assert [path.name for path in tmp_path.iterdir()] == [".tmp-young"]


def test_a_run_being_written_is_not_listed(tmp_path):
    (tmp_path / ".tmp-12345678-abc").mkdir()
    assert RunStore(tmp_path).names() == ()


# --- names ----------------------------------------------------------------------------------------------------------

BAD_NAMES = [
    "../x",
    "..",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "a\0b",
    "",
    "x" * 300,
    "=cmd()",
    "a\nb",
    "\u202eabc",
    "a\u200bb",
    ".hidden",
    "-rf",
    "a|b",
    "a:b",
    "CON",
    "nul.txt",
    "a.",
    "$HOME",
    "*",
    "~",
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_dangerous_name_is_refused_and_nothing_is_written(tmp_path, name):
    with pytest.raises(InputError, match="run, name"):
        RunStore(tmp_path / "runs").save(fake_result(name=name))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["liaoning-baseline", "国发〔2025〕1号", "辽宁（城乡）", "Jilin tfr 0.8", "城" * 80])
def test_a_name_as_offices_write_it_is_accepted(tmp_path, name):
    folder = RunStore(tmp_path).save(fake_result(name=name))
    assert check_run(folder) == []


def test_the_same_inputs_under_two_names_open_by_their_common_digest(tmp_path):
    store = RunStore(tmp_path)
    folders = [store.save(fake_result(name=name)) for name in ("b", "a")]
    assert len({folder.name[-8:] for folder in folders}) == 1
    assert store.open(folders[0].name[-8:]).name.startswith("a-")


@pytest.mark.parametrize("name", ["../toy", "/etc", "a\0b", "x" * 300, "to", "12345678", ""])
def test_opening_what_is_not_there_is_an_input_error(tmp_path, name):
    RunStore(tmp_path).save(fake_result())
    with pytest.raises(InputError, match="no such run"):
        RunStore(tmp_path).open(name)


# --- failures -------------------------------------------------------------------------------------------------------


def test_a_failure_is_kept_with_its_reason_until_the_run_is_saved(tmp_path):
    store, result = RunStore(tmp_path), fake_result()
    store.record_failure(result.scenario.id, result.scenario.digest, {"demography.tfr": 0.8}, InputError("no such region"))
    (failure,) = store.failures()
    assert (failure["name"], failure["set"], failure["reason"], failure["exit_code"]) == ("toy", {"demography.tfr": 0.8}, "no such region", 2)
    store.save(result)
    assert store.failures() == ()


def test_a_scenario_name_opens_its_only_run_and_is_refused_when_there_are_two(tmp_path):
    store = RunStore(tmp_path)
    first = store.save(fake_result())
    assert store.open("toy").path == first
    store.save(fake_result(settings={"demography.tfr": 1.0}))
    with pytest.raises(InputError, match="several runs"):
        store.open("toy")
