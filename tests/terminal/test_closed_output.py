"""A reader that goes away does not end a program."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys, time
from ratefront.terminal.console import SafeConsole
from ratefront.terminal.closed_output import ignore_closed_output

say = ignore_closed_output(sys.stderr)(SafeConsole(stderr=True).print)
say("first")
sys.stdin.readline()
for word in ("second", "third"):
    say(word)
with ignore_closed_output(sys.stderr):
    print("fourth", file=sys.stderr)
print("done")
"""


def test_writing_to_a_closed_stderr_is_no_error() -> None:
    command = [sys.executable, "-c", SCRIPT]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin and process.stdout and process.stderr  # noqa: PT018
        assert process.stderr.readline() == "first\n"
        process.stderr.close()
        process.stdin.write("\n")
        process.stdin.close()
        assert process.stdout.read() == "done\n"
        assert process.wait(timeout=20) == 0
