"""The HTTP API.

routes.py           the routes: from parameters to JSON
export_response.py  how an export is sent: how many at once, and how a client sees a broken one
metrics.py          the metrics for Prometheus
openapi.py          the description of the API
"""
