"""Methods: one file a method, and the coordinates they share."""
