"""Trees and forests: nodes as arrays, their tests as columns of a matrix, their scores, and the walks."""
