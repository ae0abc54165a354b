"""One file per question; importing a module registers its cases."""
