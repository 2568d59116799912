"""What a machine can check of the house style; CONTRIBUTING.md has the rest.

    style.py            checks everything; each finding is a line, the last line counts the checks
    style.py --long     lists the functions of more than 25 lines and the files of more than 400 as well
"""

import concurrent.futures
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"

# Left never includes right. net and flight know no database; web and the server see it through include/ alone.
CORE = "base os arrow expr duck wal catalog store sql live task engine".split()
MAY_INCLUDE = {room: CORE[:i] for i, room in enumerate(CORE)} | {
    "net": ["base", "os"],
    "flight": ["base", "os", "arrow", "net"],
    "web": ["base", "os", "arrow", "net", "flight"],
    "cli": [],
    "server": ["base", "os", "arrow", "net", "flight", "web"],
}

# A foreign library has one room that talks to it.
FOREIGN = {"duckdb.h": "duck", "sqlite3.h": "catalog", "nghttp2/nghttp2.h": "net", "http_parser.h": "net",
           "openssl/ssl.h": "net"}

FILE_LINES, FILE_LINES_MAX = 400, 800
FUNCTION_LINES, FUNCTION_LINES_MAX = 25, 60
ALONE = ["-std=gnu2x", "-D_GNU_SOURCE", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-xc", "-I", "src",
         "-I", "include", "-isystem", "deps/duckdb", "-isystem", "build/proto", "-"]


def c_files(*folders, suffixes=(".c", ".h")):
    return sorted(p for folder in folders for p in (ROOT / folder).rglob("*") if p.suffix in suffixes)


def name(path):
    return path.relative_to(ROOT)


def numbered(path):
    return enumerate(path.read_text(errors="replace").splitlines(), 1)


def without_comments(line):
    return re.sub(r"//.*|/\*.*?\*/", "", re.sub(r'"(\\.|[^"\\])*"', '""', line))


def output_of(command, **options):
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


# ---- Checks: each yields its findings ----

def layout():
    """clang-format would change nothing"""
    files = c_files("src", "include", "tests")
    for line in output_of(["clang-format", "--dry-run", "-Werror", *files]).stdout.splitlines():
        if "error:" in line:
            yield line.replace(f"{ROOT}/", "")


def headers_alone():
    """a header compiles alone, with gcc and with clang"""
    def compile_alone(compiler, header):
        folder = "src" if SRC in header.parents else "include"
        text = f'#include "{header.relative_to(ROOT / folder)}"\n'
        return compiler, header, output_of([compiler, *ALONE], input=text)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(compile_alone, compiler, header)
                for header in c_files("src", "include", suffixes=(".h",)) for compiler in ("gcc", "clang")]
        for compiler, header, result in (job.result() for job in jobs):
            if result.returncode != 0:
                first = next((line for line in result.stdout.splitlines() if "error" in line), "")
                yield f"{name(header)} does not compile alone with {compiler}: {first}"


def rooms():
    """a room includes only the rooms its DEPS file names, and none to its right"""
    for folder in sorted(p for p in SRC.iterdir() if p.is_dir() and any(p.iterdir())):
        room, deps = folder.name, folder / "DEPS"
        if not deps.exists():
            yield f"src/{room} has no DEPS file"
            continue
        allowed = deps.read_text().split()
        for wrong in sorted(set(allowed) - set(MAY_INCLUDE.get(room, []))):
            yield f"src/{room}/DEPS names {wrong}, which {room} may not include"
        for path in c_files(f"src/{room}"):
            for number, line in numbered(path):
                if match := re.match(r'\s*#\s*include\s+"(\w+)/[^"]+"', line):
                    if match[1] not in [room, *allowed]:
                        yield f"{name(path)}:{number} includes {match[1]}, which DEPS does not name"


def private_headers():
    """nobody outside a room includes its _int.h headers"""
    for path in c_files("src", "include", "tests"):
        for number, line in numbered(path):
            if match := re.match(r'\s*#\s*include\s+"(\w+)/\w+_int\.h"', line):
                if path.parent != SRC / match[1]:
                    yield f"{name(path)}:{number} includes a header that is private to {match[1]}"


def foreign_headers():
    """a foreign library has one room that talks to it"""
    for path in c_files("src"):
        for number, line in numbered(path):
            match = re.match(r'\s*#\s*include\s+[<"]([^>"]+)[>"]', line)
            if match and FOREIGN.get(match[1], path.parent.name) != path.parent.name:
                yield f"{name(path)}:{number} includes {match[1]}, which belongs to {FOREIGN[match[1]]}"


def file_lengths():
    """a file has at most 800 lines"""
    for path in c_files("src", "include", "tests"):
        if (lines := len(path.read_text().splitlines())) > FILE_LINES_MAX:
            yield f"{name(path)} has {lines} lines"


def function_lengths():
    """a function has at most 60 lines, unless a comment above it calls it a dispatch table"""
    for path, number, lines, dispatch in functions():
        if lines > FUNCTION_LINES_MAX and not dispatch:
            yield f"{name(path)}:{number} is a function of {lines} lines"


def functions():
    """(path, first line, lines, whether it is called a dispatch table) of each function: { and } stand alone at the left."""
    for path in c_files("src"):
        comment, start, first = "", None, None
        for number, line in numbered(path):
            if line.startswith("//"):
                comment = comment + line if first is None else comment
            elif line == "{":
                start = first or number
            elif line == "}" and start:
                yield path, start, number - start + 1, "dispatch table" in comment
                comment, start, first = "", None, None
            elif start is None:
                if not line or line.endswith((";", "}")) or line.startswith("#"):
                    comment, first = "", None
                else:
                    first = first or number


def no_goto():
    """no goto, no longjmp"""
    for path in c_files("src"):
        for number, line in numbered(path):
            if re.search(r"\b(goto|setjmp|longjmp)\b", without_comments(line)):
                yield f"{name(path)}:{number}: {line.strip()}"


def nothing_unfinished():
    """no TODO, FIXME or XXX"""
    for path in c_files("src", "include"):
        for number, line in numbered(path):
            if re.search(r"\b(TODO|FIXME|XXX)\b", line):
                yield f"{name(path)}:{number}: {line.strip()}"


def one_heap():
    """memory comes from mem_*, and from nowhere else"""
    for path in c_files("src"):
        if name(path) == Path("src/base/mem.c"):
            continue
        for number, line in numbered(path):
            if re.search(r"(?<![\w.>])(malloc|calloc|realloc|free|strn?dup|v?asprintf|getline)\s*\(", without_comments(line)):
                yield f"{name(path)}:{number}: {line.strip()}"


CHECKS = [layout, headers_alone, rooms, private_headers, foreign_headers, file_lengths, function_lengths, no_goto,
          nothing_unfinished, one_heap]


def report_lengths(every):
    """Lengths that are allowed, but not many of them."""
    files = [(path, len(path.read_text().splitlines())) for path in c_files("src")]
    found = list(functions())
    long_files = [(path, lines) for path, lines in files if lines > FILE_LINES]
    long_functions = [(path, number, lines) for path, number, lines, _ in found if lines > FUNCTION_LINES]
    for path, lines in long_files:
        print(f"   {name(path)} has {lines} lines")
    for path, number, lines in long_functions if every else []:
        print(f"   {name(path)}:{number} is a function of {lines} lines")
    print(f"   {len(files)} files, {sum(lines for _, lines in files)} lines, {len(long_files)} files over {FILE_LINES}; "
          f"{len(found)} functions, {len(long_functions)} over {FUNCTION_LINES} lines")


def main():
    failed = 0
    for check in CHECKS:
        findings = list(check())
        failed += bool(findings)
        if findings:
            print(f"style: {check.__doc__}")
            print("".join(f"   {finding}\n" for finding in findings), end="")
    report_lengths("--long" in sys.argv)
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
