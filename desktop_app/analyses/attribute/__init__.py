"""Direct logit attribution: what each part adds to a logit. May not import other slices."""
