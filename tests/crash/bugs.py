"""Bugs as they could have been written, and the tests that must find them.

    bugs.py             builds a copy of the tree with each of them in turn, runs what should find it, and expects a failure
    bugs.py NAME ...    only these
    bugs.py --check     only looks whether each can still be made: its text stands once in its file

A bug is a piece of text and what it becomes, so that it is easily followed when the code changes.
"""

import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPY = ROOT / "build" / "bugs"
POWERCUT = ["tests/crash/crash_matrix", "A3", "250", "1"]
TWIN = ["tests/crash/crash_matrix", "A14", "1500", "1"]
SLOW_SYNC = ["tests/crash/crash_matrix", "A12", "20", "1"]


@dataclass
class Bug:
    name: str
    file: str
    text: str
    becomes: str
    found_by: list


BUGS = [
    Bug("skipped_sync", "src/wal/wal.c", "Status st = file_sync(file->file, err);", "Status st = ST_OK;", POWERCUT),
    Bug("acknowledged_before_the_sync", "src/engine/syncer.c",
        "if (sync_groups(c, groups, count, &err) == ST_OK)\n\t\t\t\tpublish(c, all);",
        "publish(c, all);\n\t\t\tif (sync_groups(c, groups, count, &err) == ST_OK) {\n\t\t\t}", SLOW_SYNC),
    Bug("file_renamed_before_its_sync", "src/store/flush_file.c", "\tTRY(file_sync(file, err));\n\t// Read back", "\t// Read back", POWERCUT),
    Bug("folder_of_a_file_not_synced", "src/store/flush_file.c",
        "TRY(file_rename(flush->tmp_path, flush->path, err));\n\treturn dir_sync(flush->dir, err);",
        "return file_rename(flush->tmp_path, flush->path, err);", POWERCUT),
    Bug("folder_of_the_log_not_synced", "src/wal/wal.c", "\t\tTRY(dir_sync_parent(options->dir, err));\n", "", POWERCUT),
    Bug("name_of_a_log_file_not_synced", "src/wal/wal_file.c",
        "\tTRY(dir_sync(wal->dir, err));\n\t// Opened anew", "\t// Opened anew", POWERCUT),
    Bug("checkpoint_renamed_before_its_sync", "src/store/checkpoint.c",
        "\tif (st == ST_OK)\n\t\tst = file_sync(file, err);\n", "", POWERCUT),
    Bug("catalog_not_synced", "src/catalog/catalog.c", "PRAGMA synchronous=FULL", "PRAGMA synchronous=OFF", POWERCUT),
    Bug("log_recycled_too_far", "src/engine/keeper.c", "store_flushed_floor(db->store) + 1, //", "store_published_seq(db->store) + 1, //", POWERCUT),
    Bug("flush_not_recorded", "src/store/flush.c", ".flushed_count = 1};", ".flushed_count = 0};", POWERCUT),
    Bug("last_commit_of_a_flush_twice", "src/engine/recovery.c",
        "if (seq <= store_flushed_seq(table))\n\t\treturn meet", "if (seq < store_flushed_seq(table))\n\t\treturn meet", POWERCUT),
    Bug("commit_behind_a_flush_lost", "src/engine/recovery.c",
        "if (seq <= store_flushed_seq(table))\n\t\treturn meet", "if (seq <= store_flushed_seq(table) + 1)\n\t\treturn meet", ["tests/unit/engine_recovery"]),
    Bug("deletion_replayed_on_other_rows", "src/store/delete_log.c",
        "positions[i] += (uint32_t)commit.first_row;", "positions[i] += 0 * (uint32_t)commit.first_row;", POWERCUT),
    Bug("deletion_from_a_file_not_replayed", "src/store/delete_log.c",
        "\tif (at < 0)\n\t\treturn pass_gone(", "\tif (at < 0 || id > 0)\n\t\treturn pass_gone(", POWERCUT),
    Bug("numbers_given_again", "src/engine/recovery.c", "report->clean || last == 0 ? 0 : SEQ_GAP", "last == 0 ? 0 : 0 * SEQ_GAP",
        ["tests/unit/engine_recovery"]),
    Bug("wrong_mask_of_a_flush", "src/store/flush.c", "if (dead[flush->positions[i]])", "if (dead[i])", ["tests/unit/store_delete"]),
    Bug("merge_without_masks", "src/store/merge_input.c", ".mask = options->mask,", ".mask = NULL,", TWIN),
    Bug("update_by_the_plan_of_another", "src/sql/plan.c", "\t\tif (input->match != NULL)\n\t\t\tbuf_add_u32(", "\t\tif (false)\n\t\t\tbuf_add_u32(",
        ["tests/unit/engine_change"]),
    Bug("masks_not_loaded", "src/store/load.c", ".added_masks = loading->masks, ", "", POWERCUT),
    Bug("late_rows_forgotten_by_a_flush", "src/store/flush.c", "\t\tmeta->late_max = stats->late_max;\n", "", TWIN),
    Bug("ids_of_the_log_forgotten", "src/store/tables.c", "\t\ttable_know_id(table, max);\n\treturn ST_OK;", "\t\treturn ST_OK;\n\treturn ST_OK;", POWERCUT),
    Bug("ids_forgotten_by_a_flush", "src/store/flush.c", ", table_last_id(flush->table)};", ", 0};", ["tests/unit/store_keyed"]),
    Bug("ids_forgotten_by_a_commit_of_files", "src/store/adopt.c",
        "\tcatalog_change_last_id(adopt->change, table_last_id(table));\n", "", POWERCUT),
    Bug("files_of_a_commit_not_replayed", "src/engine/recovery.c",
        "TRY(store_replay_adopt(store, table, parts.metadata, seq, err));", "log_info(\"left out\", \"seq=%\" PRIu64, seq);", POWERCUT),
    Bug("rows_around_a_commit_of_files_in_one_segment", "src/engine/recovery.c",
        "\telse\n\t\tTRY(store_end_segment(store, table, err)); //", "\t//", ["tests/unit/engine_recovery"]),
    Bug("backup_folder_not_synced", "src/engine/backup.c", "\treturn dir_sync(backup->root, err);", "\treturn ST_OK;", POWERCUT),
    Bug("backup_of_the_log_not_synced", "src/wal/wal_copy.c", "\treturn file_sync(to, err);", "\treturn ST_OK;", POWERCUT),
]


def stale(bug):
    return (ROOT / bug.file).read_text().count(bug.text) != 1


def copy_tree():
    """The files git knows, as they are now; a file that did not change keeps its time, so that little is built again."""
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    for name in names:
        source, target = ROOT / name, COPY / name
        if source.is_file() and not (target.exists() and target.read_bytes() == source.read_bytes()):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    if not (COPY / "deps" / "duckdb").exists():
        (COPY / "deps" / "duckdb").symlink_to((ROOT / "deps" / "duckdb").resolve())
    if not (COPY / "build" / "build.ninja").exists():
        # What a bug leaves unused is no reason not to build it.
        subprocess.run(["meson", "setup", "build", "-Doptimization=0", "-Db_ndebug=true", "-Dwerror=false"], cwd=COPY, check=True,
                       stdout=subprocess.DEVNULL)


def build(program):
    subprocess.run(["ninja", "--quiet", "-C", "build", program], cwd=COPY, check=True)


def run(command):
    """Whether the program ends well."""
    return subprocess.run([COPY / "build" / command[0], *command[1:]], cwd=COPY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          timeout=1200).returncode == 0


def is_found(bug):
    path = COPY / bug.file
    whole = path.read_text()
    path.write_text(whole.replace(bug.text, bug.becomes))
    try:
        build(bug.found_by[0])
        return not run(bug.found_by)
    finally:
        path.write_text(whole)


def main():
    old = [bug for bug in BUGS if stale(bug)]
    for bug in old:
        print(f"bugs: {bug.name}: its text does not stand once in {bug.file}; bring tests/crash/bugs.py up to date")
    if old or "--check" in sys.argv:
        return bool(old)
    wanted = [bug for bug in BUGS if len(sys.argv) == 1 or bug.name in sys.argv[1:]]
    copy_tree()
    for command in {tuple(bug.found_by) for bug in wanted}:
        build(command[0])
        assert run(list(command)), f"{' '.join(command)} fails without a bug"
    missed = 0
    for bug in wanted:
        began = time.monotonic()
        found = is_found(bug)
        missed += not found
        print(f"   {bug.name:40} {'found' if found else 'MISSED'} by {' '.join(bug.found_by)} in {time.monotonic() - began:.0f} s", flush=True)
    print(f"{len(wanted) - missed} passed, {missed} failed")
    return missed > 0


if __name__ == "__main__":
    sys.exit(main())
