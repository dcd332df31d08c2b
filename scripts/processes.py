"""Commands as benchmarks run them."""
import os
import subprocess
import sys
import time


def run(*words):
    """What a command prints, its seconds, and its peak memory in MiB; ends where it fails."""
    words = [str(word) for word in words]
    started = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status != 0:
        sys.exit(f"{' '.join(words)} failed")
    return printed, seconds, usage.ru_maxrss / 1024
