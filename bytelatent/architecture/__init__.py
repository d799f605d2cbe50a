"""What a model is: its dimensions, parameters, FLOPs and hash n-grams, without torch."""
