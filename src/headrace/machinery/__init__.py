"""What engines are built of around the join: where models come in, who is told, how often what is done."""
