"""What the installed `ccsync` command is: the two lines that pip writes."""

import sys

from ccsync.cli.app import main

sys.exit(main())
