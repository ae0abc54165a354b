"""From a change set to files, and from files to a branch that moved."""
