"""The slice `fit_lens`: a Jacobian lens of the model at hand, fitted on the user's own text."""
