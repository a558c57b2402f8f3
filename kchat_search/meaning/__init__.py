"""What was meant, apart from what was said: a guess by vectors, which never touches what is exact.

openings.py  which messages of a visitor say what they came for
floor.py     how near two texts are, and how near is near enough
features.py  cuts folded texts into features
table.py     reads the table and makes the vectors of texts
codes.py     keeps vectors in few bytes: signs, and four bits for each size
fitting.py   fits the vectors of features to texts with known vectors (ridge regression)
refit.py     the table, fitted on an archive's own chats
clusters.py  vectors that lie together: mini-batch k-means
"""
