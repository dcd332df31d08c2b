//! Datasets and the training loop.
