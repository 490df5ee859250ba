"""Storage: features in files, opened row by row and measured in one process or many."""
