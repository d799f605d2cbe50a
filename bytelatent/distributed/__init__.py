"""Several processes that train one model, on the engines of torch.distributed."""
