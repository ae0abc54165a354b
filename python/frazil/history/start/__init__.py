"""Creating a repository at a place, and finding the one that is there."""
