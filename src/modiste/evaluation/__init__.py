"""From predictions to numbers, tables, figures. No torch."""
