"""A machine that does everything that can be done to one repository, one kind of step a file."""
