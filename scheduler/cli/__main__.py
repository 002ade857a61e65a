"""`python -m scheduler.cli`: the same as the `carbonq` script, for where the script is not on the path."""

from scheduler.cli.main import run

run()
