"""One record at a time, over plain Python values: the plan that a model's fields, elements and outputs compile to."""
