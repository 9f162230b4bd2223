"""The slice `train_sae`: a small sparse autoencoder, trained on activations at hand."""
