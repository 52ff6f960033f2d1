"""`python -m windowseat.site_builder` is the `windowseat` command."""

from .cli import main

main()
