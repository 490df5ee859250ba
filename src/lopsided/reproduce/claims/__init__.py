"""Claims: one paper a file or folder; `lopsided.reproduce.CLAIMS` is their table."""
