"""The nouns: rows of the result, tables of them, and the seams between stages. No verbs."""
