"""The torch backend of generation: exact steps of one byte per row, with KV caches."""
