"""From one version of the format to the next."""
