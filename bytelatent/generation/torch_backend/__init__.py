"""The torch backend of generation: exact steps of one byte, in rows, with KV caches."""
