"""Parts of `setup/download_prepare_hf_data.py`: reading documents, shuffling more than fits."""
