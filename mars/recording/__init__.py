"""What a model answered, kept in a folder: so that it can be explored where the model cannot run."""
