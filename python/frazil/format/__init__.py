"""What the files of a repository mean: keys, records and their encodings."""
