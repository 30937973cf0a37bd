"""Grade a class fast and safely.

    grade.py        the entrance: grade_all(course, lab, students), one writer to the gradebook
    honesty.py      what makes a verdict void or suspicious
    pool.py         who executes: worker processes here, or a Dask cluster
    worker.py       a process that executes submissions, one after another
    idle.py         cells that need not run, for no mark can depend on them
    execute.py      one submission: its cells in order, with canaries, limits and kept points
    provisioner.py  how Jupyter gets its kernel: forked into a sandbox
    forkserver.py   the process with the libraries loaded, from which kernels are forked
    sandbox.py      bubblewrap: what a kernel can see and use

Nothing is imported here: a forked kernel shares this package's name, and should share no more.
"""
