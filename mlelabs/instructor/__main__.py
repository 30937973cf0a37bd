"""The instructor's program: `python -m mlelabs.instructor COMMAND`."""

import os
import sys
from pathlib import Path

import click

from mlelabs.instructor.course import RoundError, label

ROOT = Path(__file__).parents[2]
WORKSHEET = click.option(
    "--worksheet",
    "-w",
    type=click.Path(path_type=Path),
    required=True,
    help="Moodle's grading worksheet (a CSV file), as downloaded.",
)
OUTPUT = click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="Where to write (default: returned/LAB in the course).",
)
BLIND = click.option(
    "--blind",
    is_flag=True,
    help="Marking is blind: take participants' numbers, for this assignment alone.",
)
DRY_RUN = click.option("--dry-run", is_flag=True, help="Say what would happen; write nothing.")
PASS_ON = {"ignore_unknown_options": True, "help_option_names": []}


class Program(click.Group):
    """A group whose errors are one line on stderr and an exit code that is not 0."""

    def list_commands(self, context):
        """Commands in the order in which an instructor needs them."""
        return list(self.commands)

    def main(self, *arguments, **options):
        """Run a command; leave the process with its exit code."""
        options["standalone_mode"] = False
        try:
            code = super().main(*arguments, **options)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message())
            sys.exit(2)
        except click.Abort:
            sys.exit("error: interrupted; start the command again to go on")
        except click.ClickException as error:
            _fail(error.format_message(), error.exit_code)
        except OSError as error:
            _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        except RoundError as error:
            _fail(str(error))
        sys.exit(code if isinstance(code, int) else 0)


def _fail(message, code=1):
    click.echo(f"error: {' '.join(message.split())}", err=True)
    sys.exit(code)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--course",
    type=click.Path(path_type=Path),
    default=ROOT,
    help="The course's folder (default: the repository of this program).",
)
@click.pass_context
def program(context, course):
    """From a private course repository to marks in Moodle; publish once, the others for each lab:

    \b
      publish ../students                    what students get
      collect DOWNLOAD.zip -w GRADES.csv     what they handed in
      grade 01-data-quality                  hidden tests; then read the memos in formgrader
      return 01-data-quality -w GRADES.csv   marks and feedback, to be uploaded
      report 01-data-quality                 how the lab went

    In Moodle, on the page of the assignment: "Download all submissions" gives DOWNLOAD.zip,
    "Download grading worksheet" gives GRADES.csv. Every command can be started again: what is done
    already is not done twice. `COMMAND --help` tells more.
    """
    context.obj = course.resolve()


def _progress(label):
    """A progress bar around an iterable, on stderr, where there is a terminal."""

    def bar(items, length=None):
        if not sys.stderr.isatty():
            yield from items
            return
        with click.progressbar(
            items, length=length, label=label, file=sys.stderr, show_pos=True
        ) as shown:
            yield from shown

    return bar


@program.command()
@click.argument("folder", type=click.Path(path_type=Path))
@DRY_RUN
def publish(folder, dry_run):
    """Write the students' repository to FOLDER, or bring it up to date.

    FOLDER may be new, empty, or one that was published before, also as a git repository. If it
    holds anything else, nothing is written.
    """
    from mlelabs.instructor import publish as publishing

    publishing.run(folder, dry_run)


@program.command()
@click.argument("archive", type=click.Path(path_type=Path))
@WORKSHEET
@click.option("--lab", help="The lab, if the files' names do not tell.")
@BLIND
@DRY_RUN
@click.pass_obj
def collect(course, archive, worksheet, lab, blind, dry_run):
    """Put Moodle's ARCHIVE of all submissions into submitted/.

    Students are known by ID number, or else email, from the worksheet: so they are the same in
    every lab. Group work is kept once for each group. Nothing is executed. What was collected
    before and has not changed stays as it is; what is nobody's is listed. ARCHIVE can also be the
    folder that a browser unzipped.
    """
    from mlelabs.instructor import collect as collecting

    lab, result, unmatched = collecting.collect(
        course, archive, worksheet, lab, blind, dry_run, _progress("collecting")
    )
    for student, what, names in result:
        if what != "as before":
            click.echo(f"{what:8} {label(student, names)}")
    for folder in unmatched:
        click.echo(
            f"nobody's {folder}: not in the worksheet, or without ID number and email of its own"
        )
    new = sum(what != "as before" for _, what, _ in result)
    verb = "would be written" if dry_run else "written"
    click.echo(f"{lab}: {len(result)} submissions, {new} {verb}, {len(unmatched)} nobody's")


@program.command()
@click.argument("lab")
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="Submissions at a time (default: one more than this machine has cores).",
)
@click.option("--scheduler", metavar="tcp://HOST:PORT", help="Grade on this Dask cluster.")
@click.option("--unsafe", is_flag=True, help="No sandbox: students' code has your rights.")
@DRY_RUN
@click.pass_obj
def grade(course, lab, workers, scheduler, unsafe, dry_run):
    """Grade every submission of LAB that is new or has changed.

    First the gate: each submission is put into the released notebook; what cannot be used is set
    aside with a reason for the student, and stops nobody else. Then nbgrader runs the hidden
    tests, several submissions at a time, each in a sandbox. What looks like cheating is listed,
    for you to look at. Killed and started again, it goes on. When the lab has changed, all are
    graded again, and marks given by hand stay. Memos wait for you: `jupyter lab`, menu Nbgrader >
    Formgrader.
    """
    from mlelabs.instructor import grade as grading

    run = grading.sandboxed(workers, scheduler, unsafe)
    outcome = grading.grade(course, lab, run, dry_run, _progress("grading"))
    count = _list(outcome.standings.values(), dry_run)
    for folder in outcome.unmatched:
        click.echo(f"nobody's  {folder}")
    said = ", ".join(f"{number} {state}" for state, number in count.items())
    done = f"{len(outcome.results)} graded now; " if not dry_run else ""
    click.echo(f"{lab}: {done}{said or 'nothing handed in'}, {len(outcome.unmatched)} nobody's")


def _list(standings, dry_run):
    """Print everybody who has no mark, and why; return the number in each state."""
    count = {}
    for standing in standings:
        count[standing.state] = count.get(standing.state, 0) + 1
        if standing.state != "graded":
            click.echo(f"{standing.state:9} {standing.label}: {standing.reason}")
        for note in standing.notes if standing.state != "set aside" else []:
            click.echo(f"note      {standing.label}: {note}")
        for remark in standing.suspicious:
            click.echo(f"look at   {standing.label}: {remark}")
    return count


@program.command("return")
@click.argument("lab")
@WORKSHEET
@OUTPUT
@BLIND
@DRY_RUN
@click.pass_obj
def return_(course, lab, worksheet, output, blind, dry_run):
    """Write what goes back to Moodle: the worksheet with marks, and a zip with feedback.

    Download the worksheet afresh. In it only grades and comments change; points become marks out
    of the assignment's maximum. In Moodle, upload the worksheet first ("Upload grading worksheet",
    and tick "allow updating records that have been modified more recently"), then the zip
    ("Upload multiple feedback files in a zip"). Rows without a mark are listed, never filled
    with 0; so is every mark that replaces another one. What is written to another place than the
    default is a trial, and does not count as returned in marks.jsonl.
    """
    from mlelabs.instructor import returns

    back, paths = returns.give_back(
        course, lab, worksheet, output, blind, dry_run, _progress("feedback")
    )
    for kind, lines in back.remarks.items():
        for line in lines:
            click.echo(f"{kind}: {line}")
    marked = sum("grade" in change for change in back.changes.values())
    verb = "would be written" if dry_run else "written"
    click.echo(f"{lab}: {len(back.pages)} marks, {marked} not yet in the worksheet, {verb} to:")
    for path in paths:
        click.echo(f"  {path}")
    if not back.pages:
        click.echo("  (no feedback to give, so no zip)")


@program.command()
@click.argument("lab")
@OUTPUT
@DRY_RUN
@click.pass_obj
def report(course, lab, output, dry_run):
    """Write a page about how LAB went, and the same as a table.

    For each exercise: the share of students who solved it, how well it tells strong from weak
    ones, and the messages that failed most. Then when students handed in, and which submissions
    are suspiciously alike: a reason to look at them, no verdict.
    """
    from mlelabs.instructor import report as reporting

    paths, line = reporting.report(course, lab, output, dry_run)
    click.echo(f"{lab}: {line}")
    for path in paths:
        click.echo(f"  {path}")


@program.command(context_settings=PASS_ON, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def build(arguments):
    """Build the labs from authoring/ (for maintainers; also `make build`)."""
    from mlelabs.instructor import build as building

    return building.main(list(arguments))


@program.command(context_settings=PASS_ON, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def bank(arguments):
    """Run the answer bank of a lab (for maintainers)."""
    # in a process of its own: answers run in forks, and those need one without threads
    os.execv(sys.executable, [sys.executable, "-m", "mlelabs.instructor.bank", *arguments])


if __name__ == "__main__":
    program(prog_name="python -m mlelabs.instructor")
