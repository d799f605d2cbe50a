"""Architecture of the models: dimensions, parameters, FLOPs and hash n-grams, without torch."""
