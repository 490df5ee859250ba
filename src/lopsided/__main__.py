"""python -m lopsided."""

from lopsided.cli import main

raise SystemExit(main())
