"""Write the site: the front page and the labs, to be read without Jupyter, on a phone as well.

`make site` writes it to build/site, from labs/ alone: it holds no solution. Nothing is executed.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import click
import nbformat
from sphinx.cmd.build import build_main

from mlelabs.instructor import build

SETTINGS = {
    "project": "Machine Learning Engineering Labs",
    "html_title": "Machine Learning Engineering Labs",
    "language": "en",
    "extensions": ["myst_nb"],
    "nb_execution_mode": "off",
    "myst_heading_anchors": 3,
    "html_theme": "furo",
    "html_show_copyright": False,
    "html_show_sphinx": False,
    "html_copy_source": False,
    "html_use_index": False,
    "html_static_path": ["static"],
    "html_css_files": ["site.css"],
    "exclude_patterns": [],
}
STYLE = "article blockquote { font-style: normal; }\n"
# What may be wider than a phone is scrolled by itself, also with the keyboard
SCROLLED = {
    "<pre>": '<pre tabindex="0">',
    '<div class="table-wrapper': '<div tabindex="0" class="table-wrapper',
}


def write_source(folder):
    """Write what Sphinx reads: the front page, the labs and the data card."""
    toctree = "\n".join(f"{lab}/{lab}" for lab in build.labs())
    index = (build.ROOT / "labs" / "README.md").read_text(encoding="utf-8")
    index = index.replace("../data/README.md", "data.md")
    index += f"\n```{{toctree}}\n:hidden:\n\n{toctree}\ndata\n```\n"
    (folder / "index.md").write_text(index, encoding="utf-8")
    card = (build.ROOT / "data" / "README.md").read_text(encoding="utf-8")
    (folder / "data.md").write_text(card, encoding="utf-8")
    for lab in build.labs():
        notebook = nbformat.read(build.notebook_path("labs", lab), 4)
        path = f"labs/{lab}/{lab}.ipynb"
        link = f"https://mybinder.org/v2/gh/{build.students()}/HEAD?urlpath=lab/tree/{path}"
        notebook.cells[0].source += f"\n\n[Open this lab on Binder, to work on it]({link})"
        (folder / lab).mkdir()
        nbformat.write(notebook, folder / lab / f"{lab}.ipynb")
    settings = "\n".join(f"{name} = {value!r}" for name, value in SETTINGS.items())
    (folder / "conf.py").write_text(settings + "\n", encoding="utf-8")
    (folder / "static").mkdir()
    (folder / "static" / "site.css").write_text(STYLE, encoding="utf-8")


def write_site(target):
    """Write the site into a folder; return Sphinx's exit code. A warning is an error."""
    with tempfile.TemporaryDirectory() as folder:
        write_source(Path(folder))
        cache = str(Path(folder) / ".cache")
        code = build_main(["-q", "-W", "-b", "html", "-d", cache, folder, str(target)])
    shutil.rmtree(Path(target) / "_sources", ignore_errors=True)
    for page in Path(target).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for old, new in SCROLLED.items():
            text = text.replace(old, new)
        page.write_text(text, encoding="utf-8")
    return code


@click.command()
@click.argument("folder", default="build/site", type=click.Path(path_type=Path))
def main(folder):
    """Write the site to FOLDER (default: build/site)."""
    code = write_site(folder)
    if code == 0:
        click.echo(f"written: {folder / 'index.html'}")
    sys.exit(code)


if __name__ == "__main__":
    main()
