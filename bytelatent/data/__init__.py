"""Training and test data: files of documents, packed rows and batches of tokens."""
