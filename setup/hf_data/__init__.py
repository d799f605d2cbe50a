"""Parts of `setup/download_prepare_hf_data.py`: document readers and the external shuffle."""
