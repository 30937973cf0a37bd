"""What we add to nbgrader's own steps (switched on in nbgrader_config.py)."""

from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor


class RequireGradedCells(NbGraderPreprocessor):
    """Refuse a submission that lost graded cells, where nbgrader would silently give no points.

    A copy through another tool can drop all of nbgrader's metadata, a slip can delete a check.
    The submission stays where it is, ungraded, and the log says why; other students go on.
    """

    def preprocess(self, notebook, resources):
        """Return the notebook and resources unchanged.

        Raises ValueError naming the missing cells.
        """
        known = resources["nbgrader"]
        with Gradebook(known["db_url"]) as gradebook:
            graded = gradebook.find_notebook(known["notebook"], known["assignment"]).grade_cells
            wanted = {cell.name for cell in graded}
        found = {cell.metadata.get("nbgrader", {}).get("grade_id") for cell in notebook.cells}
        missing = sorted(wanted - found)
        if missing:
            raise ValueError(
                f"{known['student']}: {len(missing)} of {len(wanted)} graded cells are missing "
                f"({', '.join(missing[:3])}, ...). Not graded: ask for the original notebook"
            )
        return notebook, resources
