"""Runs a command within a limit of seconds; the last line that it prints is the exit code, the seconds and the peak memory in MiB as JSON."""
import json
import os
import signal
import subprocess
import sys
import time

limit, words = float(sys.argv[1]), sys.argv[2:]
begun = time.monotonic()
process = subprocess.Popen(words)
signal.signal(signal.SIGALRM, lambda *_: process.kill())
signal.setitimer(signal.ITIMER_REAL, limit)
_, status, usage = os.wait4(process.pid, 0)
seconds = time.monotonic() - begun
code = None if seconds >= limit else os.waitstatus_to_exitcode(status)
print(json.dumps([code, seconds, usage.ru_maxrss / 1024]))
