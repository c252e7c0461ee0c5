"""``python -m ocrgate``."""

from ocrgate.cli.app import main

main()
