"""How well emotion is told, on recordings of other people, beside everything that would shame it."""
