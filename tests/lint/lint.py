#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The rules of docs/architecture.md and CONTRIBUTING.md that a machine can hold.

usage: lint.py layers|budgets|format|man|shell ROOT
Prints one line a finding; exit code 0: none, 1: some, 77: the tool is missing.
"""

import pathlib
import re
import shutil
import subprocess
import sys

# Folder -> (our folders it may include, foreign headers that only it may include).
LAYERS = {
    "base": (set(), {"confuse.h", "jansson.h"}),
    "proto": ({"base"}, {"sodium.h", "ldns/"}),
    "sip": ({"base"}, {"osipparser2/", "osip2/"}),
    "io": ({"base"}, {"event2/", "libmnl/", "unbound.h", "linux/", "jansson.h"}),
    "node": ({"base", "proto", "sip", "io"}, {"jansson.h"}),
    "dc": ({"base", "proto", "io"}, {"sqlite3.h", "jansson.h"}),
    "relay": ({"base", "proto", "io"}, {"jansson.h"}),
}
FOREIGN = set().union(*(foreign for _, foreign in LAYERS.values()))
# control.h speaks JSON objects, so whoever answers on the control socket includes jansson.

FUNCTION_LINES = 100
FUNCTION_P95 = 60
FUNCTION_MEDIAN = 15
FILE_LINES = 900
HEADER_LINES = 210
PARAMETERS = 6
COLUMNS = 100


def sources(root, *folders):
    for folder in folders:
        yield from sorted(p for p in (root / folder).rglob("*.[ch]"))


def public_owner(root):
    """include/ntm/NAME.h -> the folder of src/ that implements it."""
    owners = {}
    for header in (root / "include/ntm").glob("*.h"):
        symbols = set(re.findall(r"\b(ntm_\w+)\(", header.read_text()))
        for folder in LAYERS:
            for source in (root / "src" / folder).glob("*.c"):
                if f'"ntm/{header.name}"' in source.read_text() and any(
                        re.search(rf"^[^\s#/*].*\b{s}\(", source.read_text(), re.M)
                        for s in symbols):
                    owners.setdefault(header.name, set()).add(folder)
    # Headers with constants or inline functions only belong to the lowest folder that uses them.
    return {name: min(folders, key=list(LAYERS).index) for name, folders in owners.items()}


def layers(root):
    owners = public_owner(root)
    for folder, (allowed, foreign) in LAYERS.items():
        for path in sources(root, f"src/{folder}"):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                found = re.match(r'\s*#\s*include\s+([<"])([^>"]+)', line)
                if not found:
                    continue
                where, name = f"{path.relative_to(root)}:{number}", found.group(2)
                if name.startswith("ntm/"):
                    owner = owners.get(name[4:], folder)
                    if owner != folder and owner not in allowed:
                        yield f"{where}: {folder} may not include {name} of {owner}"
                elif found.group(1) == '"':
                    if not (root / "src" / folder / name).exists():
                        yield f"{where}: {name} is not in src/{folder}"
                else:
                    hit = [f for f in FOREIGN if name == f or (f[-1] == "/" and name.startswith(f))]
                    if hit and hit[0] not in foreign:
                        yield f"{where}: {folder} may not include <{name}>"
    modules = {}
    for path in sources(root, "src"):
        if path.suffix == ".c" and path.name != "main.c":
            if path.name in modules:
                yield f"{path.relative_to(root)}: {modules[path.name]} has the same module name"
            modules[path.name] = path.relative_to(root)


def functions(text):
    """(name, first line, lines, parameters) of each function body, by the format's brace rule."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line != "{":
            continue
        head = number
        while head > 0 and lines[head - 1].strip() and not lines[head - 1].startswith(("}", "#", "/", " *")):
            head -= 1
        signature = " ".join(lines[head:number])
        name = re.search(r"(\w+)\(", signature)
        if not name or "=" in signature.split("(")[0]:
            continue
        end = next((i for i in range(number, len(lines)) if lines[i] == "}"), number)
        inner = signature[signature.index("(") + 1:signature.rindex(")")]
        depth, parameters = 0, 1
        for char in inner:
            depth += (char in "([") - (char in ")]")
            parameters += char == "," and depth == 0
        yield name.group(1), head + 1, end - number - 1, parameters


def budgets(root):
    lengths = []
    for path in sources(root, "src", "include", "tests"):
        text, name = path.read_text(), path.relative_to(root)
        count, is_test = text.count("\n"), name.parts[0] == "tests"
        limit = HEADER_LINES if path.suffix == ".h" and not is_test else FILE_LINES
        if count > limit:
            yield f"{name}: {count} lines, at most {limit}"
        if not text.startswith("/* SPDX-License-Identifier: BSD-2-Clause */"):
            yield f"{name}:1: no SPDX line"
        for number, line in enumerate(text.splitlines(), 1):
            if len(line.expandtabs(8)) > COLUMNS:
                yield f"{name}:{number}: longer than {COLUMNS} columns"
        if path.suffix != ".c" or is_test:
            continue
        for function, first, length, parameters in functions(text):
            lengths.append(length)
            if length > FUNCTION_LINES:
                yield f"{name}:{first}: {function} has {length} lines, at most {FUNCTION_LINES}"
            if parameters > PARAMETERS:
                yield f"{name}:{first}: {function} has {parameters} parameters, at most {PARAMETERS}"
        if path.name == "main.c" and count > 80:
            yield f"{name}: {count} lines, a main.c has at most 80"
    lengths.sort()
    if lengths:
        median, p95 = lengths[len(lengths) // 2], lengths[len(lengths) * 95 // 100]
        print(f"{len(lengths)} functions: median {median}, p95 {p95}, longest {lengths[-1]} lines")
        if median > FUNCTION_MEDIAN or p95 > FUNCTION_P95:
            yield f"function lengths: median {median} (at most {FUNCTION_MEDIAN}), p95 {p95}"


def tool(name):
    if not shutil.which(name):
        print(f"skipped: {name} is not installed (scripts/deps installs it)")
        sys.exit(77)
    return name


def format_(root):
    files = [str(p) for p in sources(root, "src", "include", "tests")]
    done = subprocess.run([tool("clang-format"), "--dry-run", "-Werror", *files], cwd=root,
                          capture_output=True, text=True, check=False)
    yield from (line for line in done.stderr.splitlines() if "error:" in line)


def man(root):
    pages = sorted(str(p) for p in (root / "man").glob("*.[578]"))
    if not pages:
        yield "man: no pages"
    done = subprocess.run([tool("mandoc"), "-T", "lint", "-W", "warning", *pages], cwd=root,
                          capture_output=True, text=True, check=False)
    yield from done.stdout.splitlines()


def shell(root):
    scripts = [str(p) for p in sorted((root / "scripts").iterdir()) + [root / ".ci/run"]
               if p.read_text().startswith("#!/usr/bin/env bash")]
    done = subprocess.run([tool("shellcheck"), *scripts], cwd=root, capture_output=True, text=True,
                          check=False)
    yield from done.stdout.splitlines()


CHECKS = {"layers": layers, "budgets": budgets, "format": format_, "man": man, "shell": shell}

if __name__ == "__main__":
    findings = list(CHECKS[sys.argv[1]](pathlib.Path(sys.argv[2])))
    print("\n".join(findings) or f"{sys.argv[1]}: nothing found")
    sys.exit(1 if findings else 0)
