# SPDX-License-Identifier: MIT
"""The house rules that a machine can check: sizes, the way dependencies point, documents that keep up."""
import re
import subprocess
from pathlib import Path

import pytest

from lib import mounts

TOP = Path(__file__).resolve().parent.parent.parent
MAX_FILE, MAX_FUNCTION = 500, 70


def files(*patterns):
    """What git knows or would take, so that a build folder is none of it."""
    done = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
                          cwd=TOP, check=True, capture_output=True, text=True)
    found = sorted({TOP / name for name in done.stdout.split("\0") if name})
    return [path for path in found if path.is_file()]


def matches(pattern, paths):
    return [f"{path.relative_to(TOP)}:{n}: {line.strip()}" for path in paths
            for n, line in enumerate(path.read_text().splitlines(), 1) if re.search(pattern, line)]


def long_functions(path):
    """Functions whose braces stand in the first column: C, as the house writes it."""
    start = None
    for n, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("{"):
            start = n
        elif line.startswith("}") and start:
            if n - start > MAX_FUNCTION:
                yield f"{path.relative_to(TOP)}:{start}: {n - start} lines"
            start = None


def test_there_is_something_to_check():
    assert len(files("*.c", "*.h")) > 50


def test_no_file_is_too_long():
    paths = files("*.c", "*.h", "*.py", "*.sh", "meson.build", "*/meson.build")
    sizes = {path.relative_to(TOP): len(path.read_text().splitlines()) for path in paths}
    assert {path: n for path, n in sizes.items() if n > MAX_FILE} == {}


def test_no_function_is_too_long():
    paths = [p for p in files("*.c") if "tests/unit" not in str(p)]  # there tables of cases stand in functions
    assert [f for path in paths for f in long_functions(path)] == []


@pytest.mark.parametrize("folder, pattern", [
    ("fs", r'#\s*include\s*[<"](curl/|cjson/|cJSON)'),
    ("client", r'#\s*include\s*[<"](fuse|\.\./fs/|fs/)'),
])
def test_dependencies_point_one_way(folder, pattern):
    paths = files(f"{folder}/*.c", f"{folder}/*.h")
    assert paths
    assert matches(pattern, paths) == []


def test_only_the_call_s_two_ends_reply_to_fuse():
    replying = {hit.partition(":")[0] for hit in matches(r"\bfuse_reply_\w+\(", files("fs/*.c"))}
    assert replying == {"fs/ops.c", "fs/waiter.c"}


def test_nothing_is_left_open():
    words = "TO" + "DO|FIX" + "ME|XX" + "X|HA" + "CK"
    assert matches(rf"\b({words})\b", files("*.c", "*.h", "*.py", "*.sh", "meson.build", "*.md")) == []


def test_no_trailing_space_and_a_last_newline():
    paths = files("*.c", "*.h", "*.py", "*.sh", "*.md", "*.build", "*.1")
    assert matches(r"[ \t]+$", paths) == []
    assert [p for p in paths if p.stat().st_size and not p.read_bytes().endswith(b"\n")] == []


def test_every_source_names_its_licence():
    paths = files("*.c", "*.h", "*.py", "*.sh")
    without = [str(p.relative_to(TOP)) for p in paths
               if p.stat().st_size > 1 and "SPDX-License-Identifier: MIT" not in p.read_text()[:200]]
    assert without == []


def help_options(program):
    text = subprocess.run([program, "--help"], check=True, capture_output=True, text=True).stdout
    words = set(re.findall(r"(?<![\w-])(--?[a-zA-Z]+(?:-[a-z]+)*)\b", text)) - {"-o"}
    return set(re.findall(r"(?<![\w-])-o (\w+)", text)) | words


def client_program(name):
    return mounts.program().parent.parent / "client" / name


@pytest.mark.parametrize("document", ["fs/regfs.1", "README.md"])
def test_every_option_is_documented(document):
    text = (TOP / document).read_text().replace("\\-", "-")
    options = help_options(mounts.program())
    assert len(options) > 12
    flags = {"-f", "-d", "-h", "--help", "-V", "--version"}
    wanted = options - flags if document == "README.md" else options
    # mdoc writes "-f" as "Fl f" and "--help" as "Fl -help".
    missing = [o for o in sorted(wanted) if o not in text and f"Fl {o[1:]}" not in text]
    assert missing == []


@pytest.mark.parametrize("name", ["regfs-undelete", "regfs-gc"])
def test_every_option_of_the_other_programs_is_in_their_manual(name):
    options = help_options(client_program(name))
    assert {"-h", "--help", "-V", "--version"} < options
    items = [line for line in (TOP / f"client/{name}.1").read_text().splitlines() if line.startswith(".It Fl ")]
    described = {f"-{flag}" for line in items for flag in re.findall(r"Fl (\S+)", line)}
    assert described == options  # both ways


@pytest.mark.parametrize("page", ["fs/regfs.1", "client/regfs-undelete.1", "client/regfs-gc.1"])
def test_the_man_page_is_sound(page):
    done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", TOP / page], capture_output=True, text=True)
    assert done.stdout == "" and done.returncode == 0
