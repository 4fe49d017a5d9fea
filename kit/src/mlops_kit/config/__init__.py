"""Reading and checking the files of config/ that every project has."""
