"""Parts of `setup/build_corpus.py`: fetch, extract, clean, split, write shards."""
