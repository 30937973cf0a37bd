"""A process that executes submissions, one after another.

    python -m mlelabs.instructor.engine.worker FORK_SERVER_SOCKET

Jobs come as lines of JSON on standard input, results go as lines of JSON to standard output (both:
execute.py). It ends when its input closes, also in the middle of a job, and its sandboxes with it.
"""

import json
import os
import queue
import sys
import threading

from mlelabs.instructor.engine import execute


def main():
    """Work until there is no more input."""
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no result
    jobs = queue.Queue()
    threading.Thread(target=_read, args=(jobs,), daemon=True).start()
    while True:
        job = json.loads(jobs.get())
        try:
            result = execute.execute(job, sys.argv[1])
        except Exception as error:
            result = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(result), file=results, flush=True)


def _read(jobs):
    for line in sys.stdin:
        jobs.put(line)
    os._exit(0)


if __name__ == "__main__":
    main()
