"""What maintainers run by hand, and nobody else needs.

meaning/  makes the table of meanings that is shipped
"""
