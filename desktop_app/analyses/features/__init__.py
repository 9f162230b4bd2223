"""The slice `features`: what the features of a sparse autoencoder read and write."""
