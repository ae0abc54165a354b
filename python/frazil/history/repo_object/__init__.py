"""The `repo` object of spec 2: how it changes, and what each change of refs, commits, flags and status decides on it."""
