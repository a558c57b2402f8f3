"""How near two meanings must be to be shown as alike."""

FLOOR = 0.6
"""The least cosine of a query and of what a chat's visitor asked, by the shipped table. Chosen on
one half of the judged queries so that at least half of what is shown is right:
`python -m benchmarks.relevance paraphrases --floors` (see docs/benchmarks.md)."""
