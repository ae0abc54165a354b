"""What a session has changed, before it becomes files."""
