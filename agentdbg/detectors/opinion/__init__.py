"""How agents come to agree."""
