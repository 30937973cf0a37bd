"""nbgrader's settings: solutions/ is its source, labs/ its release."""

import secrets

from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearOutput,
    DeduplicateIds,
    Execute,
    IgnorePattern,
    OverwriteCells,
    OverwriteKernelspec,
)

from mlelabs.instructor import feedback
from mlelabs.instructor.grading import RequireGradedCells

c = get_config()  # noqa: F821  (nbgrader puts it here)

c.CourseDirectory.course_id = "mle-labs"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "labs"
# what a lab writes beside its notebook when it runs is not part of the lab
c.CourseDirectory.ignore.extend(["drift-report.html", ".hypothesis", ".progress.json"])

c.ClearSolutions.code_stub = {
    "python": '# YOUR CODE HERE\nraise NotImplementedError("not attempted yet")',
}
c.ClearSolutions.text_stub = "*Write your answer here: double-click, and replace this line.*"

c.Execute.timeout = 120
c.Execute.shutdown_kernel = "immediate"  # a graceful one takes two seconds for each student
# errors of the kernel's own are shown, its advice on encryption within one machine is not
c.Execute.extra_arguments = ["--HistoryManager.hist_file=:memory:", "--IPKernelApp.log_level=40"]
# A student could tag a check to be skipped, and a check that did not run earns full marks:
# so the tag is one that nobody can know
c.Execute.skip_cells_with_tag = secrets.token_hex(16)

# nbgrader gives 0 points to a check that prints to stderr; a warning is no wrong answer
c.IgnorePattern.enabled = True
c.IgnorePattern.pattern = "."
c.Validator.preprocessors = [CheckCellMetadata, ClearOutput, Execute, IgnorePattern]

# nbgrader's own steps before grading, and one of ours: no silent loss of points
c.Autograde.sanitize_preprocessors = [
    ClearOutput,
    DeduplicateIds,
    RequireGradedCells,
    OverwriteKernelspec,
    OverwriteCells,
    CheckCellMetadata,
]

# nbgrader's own pages show hidden tests
c.GenerateFeedback.preprocessors = feedback.preprocessors()
