"""How JupyterLab starts for students: on the front page, with the table of contents open."""

import shutil
from pathlib import Path

c = get_config()  # noqa: F821  (Jupyter puts it here)

HERE = Path(__file__).resolve().parent
# The layout that JupyterLab remembers is this project's own. It begins with ours
WORKSPACES = HERE / "lab" / "workspaces"
DEFAULT = WORKSPACES / "default-37a8.jupyterlab-workspace"  # as JupyterLab calls it

c.LabApp.default_url = "/lab/tree/labs/README.md"
c.LabApp.extra_labextensions_path = [str(HERE / "labextensions")]
c.LabApp.workspaces_dir = str(WORKSPACES)
if not WORKSPACES.exists():
    WORKSPACES.mkdir(parents=True)
    shutil.copy(HERE / "default.jupyterlab-workspace", DEFAULT)
